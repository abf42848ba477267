/** Where the camera is and where it goes. */
import {
  BoundingSphere,
  Cartesian3,
  Cartographic,
  HeadingPitchRange,
  Math as CesiumMath,
  type PerspectiveFrustum,
  Rectangle,
  type Viewer,
} from 'cesium'
import type { Bbox, City, Layer } from './api'

export interface View {
  lon: number // degrees
  lat: number
  height: number // of the camera above the ellipsoid, m
  heading: number // degrees from true north
  pitch: number // degrees, -90 looks down
}

export function currentView(viewer: Viewer): View {
  const { positionCartographic: at, heading, pitch } = viewer.camera
  return {
    lon: CesiumMath.toDegrees(at.longitude),
    lat: CesiumMath.toDegrees(at.latitude),
    height: at.height,
    heading: CesiumMath.toDegrees(heading) % 360,
    pitch: CesiumMath.toDegrees(pitch),
  }
}

export function goTo(viewer: Viewer, view: View, seconds = 0): void {
  const destination = Cartesian3.fromDegrees(view.lon, view.lat, view.height)
  const orientation = {
    heading: CesiumMath.toRadians(view.heading),
    pitch: CesiumMath.toRadians(view.pitch),
    roll: 0,
  }
  if (seconds > 0) viewer.camera.flyTo({ destination, orientation, duration: seconds })
  else {
    viewer.camera.cancelFlight() // it would go on and end elsewhere
    viewer.camera.setView({ destination, orientation })
  }
  viewer.scene.requestRender()
}

const EARTH = 6_371_000 // m

export interface Look {
  heading?: number // degrees
  pitch?: number
  seconds?: number
  margin?: number // 1 = the extent just fills the picture
  free?: Free // given, the whole extent is seen inside, and margin says nothing
  tall?: number // how far what stands on the extent rises, m
}

/** What panels and bars cover at the sides of the picture, pixels. */
export interface Free {
  left: number
  right: number
  top: number
  bottom: number
}

/** How many metres a pixel covers at one metre from the eye. */
function tangentOf(viewer: Viewer): number {
  const { clientWidth, clientHeight } = viewer.canvas
  const fov = (viewer.camera.frustum as PerspectiveFrustum).fov ?? 1
  return Math.tan(fov / 2) / (Math.max(clientWidth, clientHeight) / 2)
}

/** From how far a box of some metres is seen whole in the free part of the picture, m. */
function rangeFor(viewer: Viewer, east: number, north: number, look: Look, free: Free): number {
  const heading = CesiumMath.toRadians(look.heading ?? 0)
  const pitch = CesiumMath.toRadians(look.pitch ?? -45)
  const [sh, ch, sp, cp] = [Math.sin(heading), Math.cos(heading), Math.sin(pitch), Math.cos(pitch)]
  const forward = [cp * sh, cp * ch, sp]
  const right = [ch, -sh, 0]
  const up = [-sp * sh, -sp * ch, cp]
  const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0)
  const { clientWidth, clientHeight } = viewer.canvas
  const tangent = tangentOf(viewer)
  const x = (tangent * (clientWidth - free.left - free.right)) / 2
  const y = (tangent * (clientHeight - free.top - free.bottom)) / 2
  const corners = [-1, 1].flatMap((e) =>
    [-1, 1].flatMap((n) => [0, look.tall ?? 0].map((z) => [(e * east) / 2, (n * north) / 2, z])),
  )
  // a corner lies `at · forward` beyond the middle; its offset may be tangent times its depth
  return Math.max(
    ...corners.map(
      (at) =>
        Math.max(Math.abs(dot(at, right)) / x, Math.abs(dot(at, up)) / y) - dot(at, forward),
    ),
  )
}

/** Look at an extent whose ground lies at `ground` metres above the ellipsoid. */
export function lookAt(viewer: Viewer, extent: Bbox, ground: number, look: Look = {}): void {
  const rectangle = Rectangle.fromDegrees(...extent)
  const corners = [Rectangle.southwest(rectangle), Rectangle.northeast(rectangle)].map((corner) =>
    Cartesian3.fromRadians(corner.longitude, corner.latitude, ground),
  )
  const centre = Rectangle.center(rectangle)
  const radius = Math.max(Cartesian3.distance(corners[0]!, corners[1]!) / 2, 40)
  const { heading = 0, pitch = -45, seconds = 1.2, margin = 1, free } = look
  const [west, south, east, north] = extent
  const metres = 111_320
  const width = (east - west) * metres * Math.cos((south * Math.PI) / 180)
  const range = free
    ? rangeFor(viewer, width, (north - south) * metres, look, free)
    : radius * 1.75 * margin
  // the middle of the extent belongs into the middle of the free part, not of the picture
  const aside = free ? (free.right - free.left) / 2 : 0
  const below = free ? (free.bottom - free.top) / 2 : 0
  const pixel = range * tangentOf(viewer)
  const turn = CesiumMath.toRadians(heading)
  const along = (below * pixel) / Math.max(Math.sin(CesiumMath.toRadians(-pitch)), 0.2)
  const lon = aside * pixel * Math.cos(turn) - along * Math.sin(turn)
  const lat = -aside * pixel * Math.sin(turn) - along * Math.cos(turn)
  const looked = Cartesian3.fromRadians(
    centre.longitude + lon / (EARTH * Math.cos(centre.latitude)),
    centre.latitude + lat / EARTH,
    ground,
  )
  const offset = new HeadingPitchRange(
    CesiumMath.toRadians(heading),
    CesiumMath.toRadians(pitch),
    Math.max(range, 70),
  )
  viewer.camera.flyToBoundingSphere(new BoundingSphere(looked, radius), {
    duration: seconds,
    offset,
  })
  viewer.scene.requestRender()
}

/** Ground height of an extent above the ellipsoid, from the city's published heights, m. */
export function groundOf(layer: Layer, city: City): number | null {
  const heights = layer.published?.heights
  return heights ? heights[0] + city.geoid.undulation_at_centre : null
}

/** The first picture: the city's own home, or the town from the south-east, or the bounds. */
export function goHome(viewer: Viewer, city: City, layers: Layer[], seconds = 0): void {
  if (city.home) {
    const [lon, lat, height, heading, pitch] = city.home
    goTo(viewer, { lon, lat, height, heading, pitch }, seconds)
    return
  }
  const mesh = layers.find((layer) => layer.kind === 'mesh' && layer.published)
  const terrain = layers.find((layer) => layer.kind === 'terrain' && layer.published)
  const ground =
    (mesh && groundOf(mesh, city)) ??
    (terrain && groundOf(terrain, city)) ??
    city.geoid.undulation_at_centre
  if (mesh?.published) {
    const look = { heading: 318, pitch: -19, seconds, margin: 1.1 }
    lookAt(viewer, mesh.published.extent, ground, look)
    return
  }
  const any = terrain ?? layers.find((layer) => layer.published)
  const extent = any?.published?.extent ?? city.bounds
  lookAt(viewer, extent, ground, { heading: 330, pitch: -40, seconds, margin: 0.8 })
}

export function cartographicOf(point: Cartesian3): Cartographic {
  return Cartographic.fromCartesian(point)
}
