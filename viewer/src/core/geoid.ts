/** From orthometric heights (1985) to the ellipsoid's, which is what Cesium draws. */
import type { City } from './api'

/** Height of the geoid above the ellipsoid at a place, m; bilinear between the city's posts. */
export function undulationAt({ bounds, geoid }: City, lon: number, lat: number): number {
  const { posts } = geoid
  const [west, south, east, north] = bounds
  const along = (value: number, low: number, high: number, count: number) => {
    const at = Math.min(Math.max((value - low) / (high - low), 0), 1) * (count - 1)
    const first = Math.min(Math.floor(at), count - 2)
    return [first, at - first] as const
  }
  const [row, y] = along(lat, south, north, posts.length)
  const [column, x] = along(lon, west, east, posts[0]!.length)
  const between = (values: number[]) => values[column]! * (1 - x) + values[column + 1]! * x
  return between(posts[row]!) * (1 - y) + between(posts[row + 1]!) * y
}
