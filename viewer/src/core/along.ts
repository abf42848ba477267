/** Where on a line a distance lies. */
import { Cartographic, EllipsoidGeodesic, Math as CesiumMath } from 'cesium'
import type { Axis, Feature, Position, Result } from './api'
import { ellipsoidalArea, geodesic } from './geodesy'

const cartographic = ([lon = 0, lat = 0]: Position) => Cartographic.fromDegrees(lon, lat)

/** Length of a line on the ellipsoid, m. */
export function lengthOf(path: Position[]): number {
  const places = path.map(cartographic)
  return places.slice(1).reduce((sum, place, i) => sum + geodesic(places[i]!, place), 0)
}

/** Area of a polygon on the ellipsoid, m². */
export function areaOf(ring: Position[]): number {
  return ring.length < 3 ? 0 : ellipsoidalArea(ring.map(cartographic))
}

/** The place so many metres along a line; its ends where it is shorter. */
export function placeAlong(path: Position[], metres: number): Position {
  let left = Math.max(0, metres)
  for (let i = 1; i < path.length; i++) {
    const [from, to] = [cartographic(path[i - 1]!), cartographic(path[i]!)]
    const length = geodesic(from, to)
    if (left <= length && length > 0) {
      const place = new EllipsoidGeodesic(from, to).interpolateUsingSurfaceDistance(left)
      return [CesiumMath.toDegrees(place.longitude), CesiumMath.toDegrees(place.latitude)]
    }
    left -= length
  }
  return path.at(-1) ?? []
}

/** How far the length of a line and the end of an axis may differ: its plane's scale, a step. */
const ALIKE = 0.02

function isLine(feature: Feature): feature is Feature & { geometry: { type: 'LineString' } } {
  return feature.geometry?.type === 'LineString'
}

/** The line of a result that an axis of distances runs along; null if it is no such axis. */
export function lineOf(result: Result, x: Axis): Position[] | null {
  const end = x.values.at(-1)
  if (x.unit !== 'm' || typeof end !== 'number' || end <= 0) return null
  for (const feature of result.features?.features ?? [])
    if (isLine(feature)) {
      const path = (feature.geometry as { coordinates: Position[] }).coordinates
      if (Math.abs(lengthOf(path) / end - 1) < ALIKE) return path
    }
  return null
}
