/** The city on the screen: the one object that the shell and the automation talk to. */
import {
  Cartesian2,
  Cartesian3,
  Cartographic,
  Math as CesiumMath,
  SceneTransforms,
  ScreenSpaceEventHandler,
  ScreenSpaceEventType,
  sampleTerrainMostDetailed,
  type Viewer,
} from 'cesium'
import { api, type Bbox, type City, type Layer, type Position, type Result } from './api'
import { currentView, goHome, goTo, groundOf, lookAt, type Look, type View } from './camera'
import { Draft } from './draft'
import type { Stage } from './drawn'
import { Extrusion } from './extrusion'
import { Faults } from './faults'
import { freed, standFor, type Cover } from './framing'
import { undulationAt } from './geoid'
import { Highlight } from './highlight'
import { whenIdle } from './idle'
import { Inspector, type Inspection } from './inspector'
import { Labels } from './labels'
import { LayerStack } from './layers'
import { Measure } from './measure'
import { extentOf, Outcome, tallest } from './outcome'
import { BARE, decode, type Shared } from './share'
import { boxAround } from './shape'
import { Signal } from './signal'
import { Sketch } from './sketch'
import { Spotlight } from './spotlight'
import { createStage, lightFrom, type Quality } from './stage'
import { Swipe } from './swipe'
import { Underground } from './underground'

export interface Cursor {
  lon: number
  lat: number
  orthometric: number // m
}

/** Room between what was framed and the panels, pixels. */
const MARGIN = 28

/** Around a result that is but a place: less shows no surroundings; m. */
const SURROUNDINGS = 125

type PointTaker = (lon: number, lat: number) => void

export class CityScene {
  readonly inspected = new Signal<Inspection | null>()
  readonly inspecting = new Signal<boolean>()
  readonly cursorMoved = new Signal<Cursor | null>()
  readonly cameraMoved = new Signal<View>()
  readonly spotlight: Spotlight
  private readonly highlight: Highlight
  readonly measure: Measure
  readonly draft: Draft
  readonly sketch: Sketch
  readonly outcome: Outcome
  readonly extrusion: Extrusion
  readonly inspector: Inspector
  readonly swipe: Swipe
  readonly underground: Underground
  /** What the shell covers of the picture, pixels. */
  cover: Cover = { left: 0, right: 0, top: 70, bottom: 30 }
  private taker: PointTaker | null = null

  private constructor(
    private readonly stage: Stage,
    readonly stack: LayerStack,
    readonly quality: Quality,
  ) {
    this.highlight = new Highlight(stage.viewer)
    this.spotlight = new Spotlight(stage, stack, this.highlight)
    this.measure = new Measure(stage)
    this.draft = new Draft(stage)
    this.sketch = new Sketch(stage)
    this.outcome = new Outcome(stage, () =>
      stack.tilesetsOf('mesh').map(({ tileset }) => tileset),
    )
    this.stack.changed.on(() => this.outcome.pits.recut()) // a mesh shown later is cut too
    this.extrusion = new Extrusion(stage)
    this.underground = new Underground(stage, stack)
    this.inspector = new Inspector(stage, stack, this.outcome, this.underground)
    this.swipe = new Swipe(stage, stack)
    this.listen()
  }

  static async open(container: HTMLElement, quality: Quality): Promise<CityScene> {
    const [city, layers] = await Promise.all([api.city(), api.layers()])
    const faults = new Faults()
    const viewer = createStage(container, quality, faults)
    const stage: Stage = { viewer, city, faults, labels: new Labels(viewer), footing: { bare: null, mesh: null } }
    const [west, south, east, north] = city.bounds
    lightFrom(viewer, (west + east) / 2, (south + north) / 2)
    const scene = new CityScene(stage, new LayerStack(stage, layers), quality)
    await scene.restore(decode(location.hash), true)
    return scene
  }

  get viewer(): Viewer {
    return this.stage.viewer
  }

  get city(): City {
    return this.stage.city
  }

  get faults(): Faults {
    return this.stage.faults
  }

  /** Bring back a shared picture; at the start, what it leaves out takes its default. */
  async restore(shared: Shared, first = false): Promise<void> {
    if (shared.view) goTo(this.viewer, shared.view)
    else if (first) this.home(0)
    if (!shared.layers && !first) return
    this.swipe.end()
    const work = this.stack.layers.map((layer) => {
      const wanted = shared.layers ? shared.layers.has(layer.id) : layer.style.visible
      const opacity = shared.layers?.get(layer.id)
      if (opacity !== undefined) this.stack.setOpacity(layer.id, opacity)
      const look = shared.looks?.get(layer.id)
      this.stack.setFit(layer.id, look?.theme !== BARE)
      if (look && look.theme !== BARE) this.stack.setTheme(layer.id, look.theme)
      if (look?.size) this.stack.setSize(layer.id, look.size)
      const version = shared.versions?.get(layer.id) ?? layer.published.version
      const at = this.stack.setVersion(layer.id, version)
      return at.catch((error: unknown) => this.faults.add(layer.id, error)).then(() =>
        this.setLayer(layer.id, wanted),
      )
    })
    await Promise.all(work)
    const { swipe } = shared
    const known = swipe && [swipe.left, swipe.right].every(({ id }) => this.stack.get(id))
    if (known) await this.swipe.start(swipe, swipe.position)
  }

  shared(lang: string): Shared {
    const layers = this.stack
      .shown()
      .map(({ id }) => [id, this.stack.state(id)!.opacity] as [string, number])
    const looks = this.stack.shown().flatMap(({ id, kind }) => {
      if (this.stack.state(id)!.fit === false) return [[id, { theme: BARE }] as [string, { theme: string }]]
      if (!this.stack.themesOf(id).length) return []
      const { theme, size } = this.stack.state(id)!
      return [[id, { theme, ...(kind === 'points' && { size }) }] as [string, { theme: string }]]
    })
    const versions = this.stack.layers
      .map(({ id, published }) => [id, this.stack.state(id)!.version, published.version] as const)
      .filter(([, chosen, current]) => chosen !== current)
      .map(([id, chosen]) => [id, chosen] as [string, number])
    const swipe = this.swipe.current
    return {
      view: currentView(this.viewer),
      layers: new Map(layers),
      looks: new Map(looks),
      versions: new Map(versions),
      ...(swipe && { swipe }),
      lang,
    }
  }

  setLayer(id: string, shown: boolean): Promise<void> {
    return this.stack.setShown(id, shown)
  }

  home(seconds = 1.5): void {
    goHome(this.viewer, this.city, this.stack.all, seconds)
  }

  goTo(view: View, seconds = 0): void {
    goTo(this.viewer, view, seconds)
  }

  flyToLayer(layer: Layer): void {
    if (!layer.published) return
    const ground = groundOf(layer, this.city) ?? this.groundBelow(layer.published.extent)
    lookAt(this.viewer, layer.published.extent, ground, { pitch: -50, margin: 0.8 })
  }

  flyToExtent(extent: Bbox, ground: number | null, look: Look = {}): void {
    lookAt(this.viewer, extent, ground ?? this.groundBelow(extent), look)
  }

  /** Draw a result, and look at it where the panels leave the map free. */
  async showResult(result: Result): Promise<void> {
    const extent = extentOf(result)
    const { viewpoint } = result
    if (viewpoint) {
      const [lon, lat] = viewpoint.place
      const height = viewpoint.height + undulationAt(this.city, lon, lat)
      this.goTo({ ...viewpoint, lon, lat, height }, 1.2)
    } else if (extent && !this.framed(extent)) this.frame(extent, -50, tallest(result))
    if (result.features?.below) this.underground.enterFor('result')
    await this.outcome.show(result).catch((error: unknown) => this.faults.add('result', error))
  }

  /** Take a result off the map again, and come back from below where it had led. */
  clearResult(): void {
    this.outcome.clear()
    this.sketch.point(null)
    this.underground.leaveFor('result')
  }

  /** Look at an extent so that it fills what the panels leave free. */
  frame(extent: Bbox, pitch = -50, tall = 0): void {
    const [west, south, east, north] = extent
    const around = west === east && south === north ? boxAround(west, south, SURROUNDINGS) : extent
    const destination = standFor(
      this.viewer, around, this.groundBelow(around), this.covered(), 0, pitch, tall,
    )
    const orientation = { heading: 0, pitch: CesiumMath.toRadians(pitch), roll: 0 }
    this.viewer.camera.flyTo({ destination, orientation, duration: 1.2 })
    this.viewer.scene.requestRender()
  }

  /** Look at a place from close by, and mark it. */
  flyToPlace([lon = 0, lat = 0]: Position): void {
    this.sketch.point([lon, lat])
    this.frame(boxAround(lon, lat, 22))
  }

  /** The picture as it stands, PNG. */
  picture(): Promise<Blob> {
    this.viewer.render() // read in the same turn: the buffer is not kept
    return new Promise((resolve, reject) =>
      this.viewer.canvas.toBlob(
        (blob) => (blob ? resolve(blob) : reject(new Error('no picture'))),
        'image/png',
      ),
    )
  }

  /** Whether an extent is in the free part of the picture already, and not tiny. */
  private framed(extent: Bbox): boolean {
    const [west, south, east, north] = extent
    const ground = this.groundBelow(extent)
    const { clientWidth: width, clientHeight: height } = this.viewer.canvas
    const { left, right, top, bottom } = freed(this.covered(), width, height)
    const corners = [[west, south], [east, south], [east, north], [west, north]] as const
    const pixels = corners.map(([lon, lat]) => this.toPixel(lon, lat, ground))
    const inside = pixels.every(
      (at) => at && at[0] > left && at[0] < width - right && at[1] > top && at[1] < height - bottom,
    )
    const spans = (axis: 0 | 1) => {
      const values = pixels.map((at) => at?.[axis] ?? 0)
      return Math.max(...values) - Math.min(...values)
    }
    const [free, high] = [width - left - right, height - top - bottom]
    return inside && Math.max(spans(0) / free, spans(1) / high) > 0.4
  }

  private covered(): Cover {
    const { left, right, top, bottom } = this.cover
    return { left: left + MARGIN, right: right + MARGIN, top: top + MARGIN, bottom: bottom + MARGIN }
  }

  /** The next click gives a place to `taker` instead of being inspected. */
  takePoint(taker: PointTaker | null): void {
    this.taker = taker
    this.viewer.canvas.style.cursor = taker ? 'crosshair' : ''
  }

  async pick(x: number, y: number): Promise<Inspection | null> {
    const found = await this.inspector.at(new Cartesian2(x, y))
    this.inspected.emit(found)
    return found
  }

  whenIdle(limit: number): Promise<void> {
    return whenIdle(this.viewer, this.stack, limit)
  }

  /** Terrain heights above the ellipsoid at the finest level, m. */
  async sampleTerrain(places: [number, number][]): Promise<number[]> {
    const points = places.map(([lon, lat]) => Cartographic.fromDegrees(lon, lat))
    await sampleTerrainMostDetailed(this.viewer.terrainProvider, points)
    return points.map((point) => point.height)
  }

  faceNorth(): void {
    this.goTo({ ...currentView(this.viewer), heading: 0 }, this.quality === 'low' ? 0 : 0.8)
  }

  /** Metres on the ground that one CSS pixel covers in the middle of the picture; 0 for the sky. */
  metresPerPixel(): number {
    const { canvas, camera, scene } = this.viewer
    const middle = new Cartesian2(canvas.clientWidth / 2, canvas.clientHeight / 2)
    const ray = camera.getPickRay(middle)
    const point = ray && scene.globe.pick(ray, scene)
    return point ? this.inspector.metresPerPixel(point) : 0
  }

  /** Pixel of the canvas where a place (height above the ellipsoid, m) is drawn. */
  toPixel(lon: number, lat: number, height: number): [number, number] | null {
    const place = Cartesian3.fromDegrees(lon, lat, height)
    const pixel = SceneTransforms.worldToWindowCoordinates(this.viewer.scene, place)
    return pixel ? [pixel.x, pixel.y] : null
  }

  private groundBelow([west, south, east, north]: Bbox): number {
    const middle = Cartographic.fromDegrees((west + east) / 2, (south + north) / 2)
    const drawn = this.viewer.scene.globe.getHeight(middle)
    if (drawn !== undefined) return drawn
    const terrain = this.stack.all.find((layer) => layer.kind === 'terrain' && layer.published)
    return (terrain && groundOf(terrain, this.city)) ?? this.city.geoid.undulation_at_centre
  }

  private listen(): void {
    const handler = new ScreenSpaceEventHandler(this.viewer.canvas)
    handler.setInputAction(
      ({ position }: ScreenSpaceEventHandler.PositionedEvent) => this.clicked(position),
      ScreenSpaceEventType.LEFT_CLICK,
    )
    const finish = () => (this.draft.active ? this.draft : this.measure).finish()
    handler.setInputAction(finish, ScreenSpaceEventType.LEFT_DOUBLE_CLICK)
    handler.setInputAction(finish, ScreenSpaceEventType.RIGHT_CLICK)
    let waiting: Cartesian2 | null = null
    handler.setInputAction(({ endPosition }: ScreenSpaceEventHandler.MotionEvent) => {
      if (!waiting) setTimeout(() => {
        const pixel = waiting!
        waiting = null
        this.hover(pixel)
      }, 60)
      waiting = Cartesian2.clone(endPosition)
    }, ScreenSpaceEventType.MOUSE_MOVE)
    this.viewer.camera.percentageChanged = 0.01
    this.viewer.camera.changed.addEventListener(() =>
      this.cameraMoved.emit(currentView(this.viewer)),
    )
    this.viewer.camera.moveEnd.addEventListener(() =>
      this.cameraMoved.emit(currentView(this.viewer)),
    )
  }

  private clicked(pixel: Cartesian2): void {
    if (this.draft.active) {
      const place = this.inspector.place(pixel)
      if (place) this.draft.add(place.point, pixel)
      return
    }
    if (this.measure.active) {
      const place = this.inspector.place(pixel)
      if (place) this.measure.add(place.point)
      return
    }
    if (this.taker) {
      const place = this.inspector.place(pixel)
      if (!place) return
      const { longitude, latitude } = Cartographic.fromCartesian(place.point)
      const taker = this.taker
      this.takePoint(null)
      taker(CesiumMath.toDegrees(longitude), CesiumMath.toDegrees(latitude))
      return
    }
    this.inspecting.emit(true)
    this.pick(pixel.x, pixel.y)
      .catch((error: unknown) => this.faults.add('scene', error))
      .finally(() => this.inspecting.emit(false))
  }

  private hover(pixel: Cartesian2): void {
    const tool = [this.draft, this.measure].find(({ active }) => active)
    tool?.move(this.inspector.place(pixel)?.point ?? null)
    // the terrain alone is cheap enough to ask at every move; below a mesh it says nothing
    const ray = this.viewer.camera.getPickRay(pixel)
    const seen = this.stage.footing.mesh ? this.viewer.scene.pickPosition(pixel) : undefined
    const point = seen ?? (ray && this.viewer.scene.globe.pick(ray, this.viewer.scene))
    if (!point) return this.cursorMoved.emit(null)
    const place = Cartographic.fromCartesian(point)
    return this.cursorMoved.emit({
      lon: CesiumMath.toDegrees(place.longitude),
      lat: CesiumMath.toDegrees(place.latitude),
      orthometric:
        place.height -
        undulationAt(
          this.city,
          CesiumMath.toDegrees(place.longitude),
          CesiumMath.toDegrees(place.latitude),
        ),
    })
  }
}
