/** Where the camera is and where it goes. */
import {
  BoundingSphere,
  Cartesian3,
  Cartographic,
  HeadingPitchRange,
  Math as CesiumMath,
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

export interface Look {
  heading?: number // degrees
  pitch?: number
  seconds?: number
  margin?: number // 1 = the extent just fills the picture
}

/** Look at an extent whose ground lies at `ground` metres above the ellipsoid. */
export function lookAt(viewer: Viewer, extent: Bbox, ground: number, look: Look = {}): void {
  const rectangle = Rectangle.fromDegrees(...extent)
  const corners = [Rectangle.southwest(rectangle), Rectangle.northeast(rectangle)].map((corner) =>
    Cartesian3.fromRadians(corner.longitude, corner.latitude, ground),
  )
  const centre = Rectangle.center(rectangle)
  const middle = Cartesian3.fromRadians(centre.longitude, centre.latitude, ground)
  const radius = Math.max(Cartesian3.distance(corners[0]!, corners[1]!) / 2, 40)
  const { heading = 0, pitch = -45, seconds = 1.2, margin = 1 } = look
  const offset = new HeadingPitchRange(
    CesiumMath.toRadians(heading),
    CesiumMath.toRadians(pitch),
    radius * 1.75 * margin,
  )
  viewer.camera.flyToBoundingSphere(new BoundingSphere(middle, radius), {
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
