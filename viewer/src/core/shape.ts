/** Plane geometry of GeoJSON near one place, in metres around it. */
import type { Bbox, Geometry, Position } from './api'

const METRES_PER_DEGREE = 111_320

type XY = [number, number]

/** Distance from the place to a geometry, m; 0 inside a polygon. Good to 1 % within some km. */
export function distanceTo(geometry: Geometry, lon: number, lat: number): number {
  const east = METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180)
  const local = ([x = 0, y = 0]: Position): XY => [(x - lon) * east, (y - lat) * METRES_PER_DEGREE]
  return toGeometry(geometry, local)
}

function toGeometry(geometry: Geometry, local: (position: Position) => XY): number {
  switch (geometry.type) {
    case 'Point':
      return Math.hypot(...local(geometry.coordinates))
    case 'MultiPoint':
      return Math.min(...geometry.coordinates.map((p) => Math.hypot(...local(p))))
    case 'LineString':
      return toPath(geometry.coordinates.map(local))
    case 'MultiLineString':
      return Math.min(...geometry.coordinates.map((path) => toPath(path.map(local))))
    case 'Polygon':
      return toPolygon(geometry.coordinates.map((ring) => ring.map(local)))
    case 'MultiPolygon':
      return Math.min(
        ...geometry.coordinates.map((rings) => toPolygon(rings.map((ring) => ring.map(local)))),
      )
    case 'GeometryCollection':
      return Math.min(...geometry.geometries.map((part) => toGeometry(part, local)))
  }
}

function toSegment([ax, ay]: XY, [bx, by]: XY): number {
  const [dx, dy] = [bx - ax, by - ay]
  const square = dx * dx + dy * dy
  const t = square === 0 ? 0 : Math.min(1, Math.max(0, -(ax * dx + ay * dy) / square))
  return Math.hypot(ax + t * dx, ay + t * dy)
}

function toPath(path: XY[]): number {
  let best = Infinity
  for (let i = 1; i < path.length; i++)
    best = Math.min(best, toSegment(path[i - 1]!, path[i]!))
  return best
}

/** Even-odd rule over all rings, so holes are outside. */
function toPolygon(rings: XY[][]): number {
  let inside = false
  for (const ring of rings)
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi, yi] = ring[i]!
      const [xj, yj] = ring[j]!
      if (yi > 0 !== yj > 0 && 0 < ((xj - xi) * -yi) / (yj - yi) + xi) inside = !inside
    }
  return inside ? 0 : Math.min(...rings.map(toPath))
}

/** Box of `metres` around a place. */
export function boxAround(lon: number, lat: number, metres: number): Bbox {
  const dy = metres / METRES_PER_DEGREE
  const dx = dy / Math.cos((lat * Math.PI) / 180)
  return [lon - dx, lat - dy, lon + dx, lat + dy]
}

/** Every position of a geometry. */
export function positions(geometry: Geometry): Position[] {
  if (geometry.type === 'GeometryCollection') return geometry.geometries.flatMap(positions)
  if (geometry.type === 'Point') return [geometry.coordinates]
  const depth = { MultiPoint: 0, LineString: 0, MultiLineString: 1, Polygon: 1, MultiPolygon: 2 }
  return (geometry.coordinates as unknown[]).flat(depth[geometry.type]) as Position[]
}

export function bboxOf(geometry: Geometry): Bbox {
  const all = positions(geometry)
  const x = all.map((p) => p[0] ?? 0)
  const y = all.map((p) => p[1] ?? 0)
  return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)]
}

/** Polygons of a geometry, each side moved outward by some metres (holes inward). */
export function widened(geometry: Geometry, metres: number): Position[][][] {
  if (geometry.type === 'Polygon') return [geometry.coordinates.map((r, i) => moved(r, metres, i))]
  if (geometry.type === 'MultiPolygon')
    return geometry.coordinates.map((rings) => rings.map((r, i) => moved(r, metres, i)))
  return []
}

/** A ring whose sides lie `metres` further out; corners are mitred, at most three times as far. */
function moved(ring: Position[], metres: number, number: number): Position[] {
  const [lon = 0, lat = 0] = ring[0] ?? []
  const east = METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180)
  const open = ring.slice(0, -1)
  const xy = open.map(([x = 0, y = 0]): XY => [(x - lon) * east, (y - lat) * METRES_PER_DEGREE])
  const twice = xy.reduce((sum, [x, y], i) => {
    const [u, v] = xy[(i + 1) % xy.length]!
    return sum + x * v - u * y
  }, 0)
  const outward = (twice > 0 ? 1 : -1) * (number ? -1 : 1) * metres
  const normal = ([ax, ay]: XY, [bx, by]: XY): XY => {
    const length = Math.hypot(bx - ax, by - ay) || 1
    return [(by - ay) / length, (ax - bx) / length]
  }
  return xy.map((here, i) => {
    const [ax, ay] = normal(xy.at(i - 1)!, here)
    const [bx, by] = normal(here, xy[(i + 1) % xy.length]!)
    const scale = outward / Math.max(1 + ax * bx + ay * by, 0.22)
    return [
      lon + (here[0] + (ax + bx) * scale) / east,
      lat + (here[1] + (ay + by) * scale) / METRES_PER_DEGREE,
    ]
  })
}
