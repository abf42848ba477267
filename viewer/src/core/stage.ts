/** The one Cesium Viewer of the application's lifetime, in two qualities. */
import {
  Cartesian3,
  Color,
  DirectionalLight,
  EllipsoidTerrainProvider,
  Ion,
  JulianDate,
  Math as CesiumMath,
  ScreenSpaceEventType,
  Transforms,
  Matrix4,
  Viewer,
} from 'cesium'
import 'cesium/Build/Cesium/Widgets/widgets.css'
import type { Faults } from './faults'

export type Quality = 'high' | 'low'

export const FONT = '"Noto Sans CJK SC", "Microsoft YaHei", sans-serif'

export function createStage(container: HTMLElement, quality: Quality, faults: Faults): Viewer {
  Ion.defaultAccessToken = ''
  const credits = document.createElement('div') // the shell shows the layers' owners instead
  const viewer = new Viewer(container, {
    baseLayer: false,
    terrainProvider: new EllipsoidTerrainProvider(),
    animation: false,
    automaticallyTrackDataSourceClocks: false, // a film has a clock of its own
    baseLayerPicker: false,
    fullscreenButton: false,
    geocoder: false,
    homeButton: false,
    infoBox: false,
    navigationHelpButton: false,
    sceneModePicker: false,
    selectionIndicator: false,
    timeline: false,
    skyBox: false,
    creditContainer: credits,
    requestRenderMode: true,
    maximumRenderTimeChange: Infinity,
    msaaSamples: quality === 'low' ? 1 : 4,
    scene3DOnly: true,
  })
  const { scene } = viewer
  viewer.screenSpaceEventHandler.removeInputAction(ScreenSpaceEventType.LEFT_DOUBLE_CLICK)
  viewer.clock.currentTime = JulianDate.fromIso8601('2026-06-21T05:00:00Z') // noon at 106° E
  viewer.clock.shouldAnimate = false
  scene.backgroundColor = Color.fromCssColorString('#93b1c8') // sky where no atmosphere is drawn
  scene.globe.baseColor = Color.fromCssColorString('#84876a') // loess and grass
  // the light that shows the relief leaves level ground, and so the orthophoto, as bright as it is
  scene.globe.enableLighting = true
  scene.globe.lambertDiffuseMultiplier = 0.9
  scene.globe.vertexShadowDarkness = 1 - 0.9 * Math.SQRT1_2
  scene.globe.depthTestAgainstTerrain = true
  scene.pickTranslucentDepth = false
  scene.screenSpaceCameraController.minimumZoomDistance = 2
  scene.renderError.addEventListener((_: unknown, error: unknown) => faults.add('scene', error))
  if (quality === 'low') lower(viewer)
  else {
    viewer.resolutionScale = Math.min(window.devicePixelRatio || 1, 2)
    scene.fog.density = 1.2e-4
  }
  return viewer
}

/** For weak office machines and software rendering: 37 ms instead of 247 ms per 640×360 frame. */
function lower(viewer: Viewer): void {
  const { scene } = viewer
  const { globe } = scene
  scene.fog.enabled = false
  scene.highDynamicRange = false
  globe.showGroundAtmosphere = false
  globe.maximumScreenSpaceError = 4
  if (scene.skyAtmosphere) scene.skyAtmosphere.show = false
  if (scene.sun) scene.sun.show = false
  if (scene.moon) scene.moon.show = false
}

/** Light from the north-west at 45°, as on a map, so that bare terrain shows its relief. */
export function lightFrom(viewer: Viewer, lon: number, lat: number): void {
  const frame = Transforms.eastNorthUpToFixedFrame(Cartesian3.fromDegrees(lon, lat))
  const down = new Cartesian3(Math.SQRT1_2, -Math.SQRT1_2, -Math.tan(CesiumMath.toRadians(45)))
  const direction = Matrix4.multiplyByPointAsVector(frame, down, new Cartesian3())
  Cartesian3.normalize(direction, direction)
  viewer.scene.light = new DirectionalLight({ direction, intensity: 1 })
}
