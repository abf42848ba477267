/** Lengths and areas on the ellipsoid (CGCS2000 and WGS 84 differ by 0.1 mm in the minor axis). */
import { Cartographic, Ellipsoid, EllipsoidGeodesic, Math as CesiumMath } from 'cesium'

const A = Ellipsoid.WGS84.maximumRadius
const B = Ellipsoid.WGS84.minimumRadius
const E2 = 1 - (B * B) / (A * A)
const E = Math.sqrt(E2)

/** Longest piece of an edge, m: keeps the map line within 2 mm of the geodesic. */
const PIECE = 500

function q(sinLatitude: number): number {
  const es = E * sinLatitude
  return (1 - E2) * (sinLatitude / (1 - es * es) + Math.atanh(es) / E)
}

const QP = q(1)
/** Radius of the sphere with the ellipsoid's surface, m (Snyder 1987, eq. 3-13). */
const AUTHALIC_RADIUS = A * Math.sqrt(QP / 2)

/** Geodesic distance between two places, heights ignored, m (Vincenty). */
export function geodesic(a: Cartographic, b: Cartographic): number {
  if (a.longitude === b.longitude && a.latitude === b.latitude) return 0
  return new EllipsoidGeodesic(a, b).surfaceDistance
}

/** Places along the geodesic from a (included) to b (excluded), at most PIECE metres apart. */
function pieces(a: Cartographic, b: Cartographic): Cartographic[] {
  const length = geodesic(a, b)
  const count = Math.max(1, Math.ceil(length / PIECE))
  if (count === 1) return [a]
  const line = new EllipsoidGeodesic(a, b)
  return Array.from({ length: count }, (_, i) => line.interpolateUsingFraction(i / count))
}

/**
 * Horizontal area of a polygon on the ellipsoid, m².
 *
 * Geodesic edges are cut into short pieces and laid on the equal-area cylinder of the authalic
 * sphere (Snyder 1987, eqs. 3-11 to 3-13 and 10-1), where the shoelace formula is exact.
 */
export function ellipsoidalArea(ring: Cartographic[]): number {
  if (ring.length < 3) return 0
  const dense = ring.flatMap((a, i) => pieces(a, ring[(i + 1) % ring.length]!))
  const west = dense[0]!.longitude
  const xy = dense.map((p) => [
    CesiumMath.negativePiToPi(p.longitude - west) * AUTHALIC_RADIUS,
    (q(Math.sin(p.latitude)) / QP) * AUTHALIC_RADIUS,
  ])
  let twice = 0
  xy.forEach(([x, y], i) => {
    const [x2, y2] = xy[(i + 1) % xy.length]!
    twice += x! * y2! - x2! * y!
  })
  return Math.abs(twice) / 2
}
