/** Where to stand so that an extent fills what the panels leave of the picture. */
import { Cartesian3, Matrix4, type PerspectiveFrustum, Transforms, type Viewer } from 'cesium'
import type { Bbox } from './api'

/** Edges of the picture that are covered, pixels. */
export interface Cover {
  left: number
  right: number
  top: number
  bottom: number
}

/** Nearer than this nothing can be told any more, farther there is no city; m. */
const NEAREST = 30
const FARTHEST = 200_000

/** Corner of an extent from its middle: to the right, up and away from who looks, m. */
type Corner = [right: number, up: number, away: number]

/** A cover that leaves nothing is none. */
export function freed(cover: Cover, width: number, height: number): Cover {
  const free = width - cover.left - cover.right > 160 && height - cover.top - cover.bottom > 120
  return free ? cover : { left: 0, right: 0, top: 0, bottom: 0 }
}

/**
 * Place of the camera.
 *
 * @param extent Degrees.
 * @param ground Height of the ground there above the ellipsoid, m.
 * @param heading Degrees from north.
 * @param pitch Degrees; -90 looks down.
 * @param tall How far what stands on the extent rises, m.
 */
export function standFor(
  viewer: Viewer, extent: Bbox, ground: number, cover: Cover, heading: number, pitch: number,
  tall = 0,
): Cartesian3 {
  const [west, south, east, north] = extent
  const middle = Cartesian3.fromDegrees((west + east) / 2, (south + north) / 2, ground)
  const frame = Transforms.eastNorthUpToFixedFrame(middle)
  const inverse = Matrix4.inverseTransformation(frame, new Matrix4())
  const [h, p] = [(heading * Math.PI) / 180, (pitch * Math.PI) / 180]
  const away = new Cartesian3(Math.sin(h) * Math.cos(p), Math.cos(h) * Math.cos(p), Math.sin(p))
  const right = new Cartesian3(Math.cos(h), -Math.sin(h), 0)
  const up = Cartesian3.cross(right, away, new Cartesian3())
  const foot = [[west, south], [east, south], [east, north], [west, north]]
  const corners = [0, ...(tall > 0 ? [tall] : [])].flatMap((above) => foot.map(
    ([lon = 0, lat = 0]): Corner => {
      const at = Cartesian3.fromDegrees(lon, lat, ground + above)
      const local = Matrix4.multiplyByPoint(inverse, at, new Cartesian3())
      return [Cartesian3.dot(local, right), Cartesian3.dot(local, up), Cartesian3.dot(local, away)]
    },
  ))
  const [x, y, range] = fitted(viewer, corners, cover)
  const place = Cartesian3.multiplyByScalar(away, -range, new Cartesian3())
  Cartesian3.add(place, Cartesian3.multiplyByScalar(right, x, new Cartesian3()), place)
  Cartesian3.add(place, Cartesian3.multiplyByScalar(up, y, new Cartesian3()), place)
  return Matrix4.multiplyByPoint(frame, place, new Cartesian3())
}

/** The nearest stand from which all corners are seen in the free part, and its shift, m. */
function fitted(viewer: Viewer, corners: Corner[], covered: Cover): [number, number, number] {
  const { clientWidth: width, clientHeight: height } = viewer.canvas
  const { left, right, top, bottom } = freed(covered, width, height)
  const half = Math.tan((viewer.camera.frustum as PerspectiveFrustum).fov! / 2)
  const [w, h] = width > height ? [half, (half * height) / width] : [(half * width) / height, half]
  const sides: [lo: number, hi: number][] = [
    [((2 * left) / width - 1) * w, (1 - (2 * right) / width) * w],
    [((2 * bottom) / height - 1) * h, (1 - (2 * top) / height) * h],
  ]
  /** Shifts along an axis with which all corners are between its sides. */
  const room = (axis: 0 | 1, range: number): [number, number] => {
    const [lo, hi] = sides[axis]!
    const most = corners.map((corner) => corner[axis] - lo * (corner[2] + range))
    const least = corners.map((corner) => corner[axis] - hi * (corner[2] + range))
    return [Math.max(...least), Math.min(...most)]
  }
  const near = Math.max(...corners.map(([, , deep]) => -deep)) + NEAREST
  let [low, high] = [near, FARTHEST]
  for (let i = 0; i < 40; i++) {
    const range = (low + high) / 2
    const fits = ([0, 1] as const).every((axis) => room(axis, range)[0] <= room(axis, range)[1])
    if (fits) high = range
    else low = range
  }
  const shift = (axis: 0 | 1) => (room(axis, high)[0] + room(axis, high)[1]) / 2
  return [shift(0), shift(1), high]
}
