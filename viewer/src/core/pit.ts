/** Holes that a result cuts into ground and meshes, with the walls and the floor of a pit. */
import {
  Cartesian3,
  type Cesium3DTileset,
  ClippingPolygon,
  ClippingPolygonCollection,
  Color,
  ColorMaterialProperty,
  ConstantProperty,
  type Entity,
  PolygonHierarchy,
} from 'cesium'
import { api, type Feature, type Position } from './api'
import type { Stage } from './drawn'
import { undulationAt } from './geoid'
import { styleOf } from './paint'

/** Distance of the places where a wall meets the ground, degrees (5 m), and how many at most. */
const STEP = 5 / 111_320
const MOST = 2000

const WALL = Color.fromCssColorString('#8a6f4d')
const FLOOR = Color.fromCssColorString('#6f5a40')

const onEarth = (ring: Position[]) =>
  ring.map(([lon = 0, lat = 0]) => Cartesian3.fromDegrees(lon, lat))

/** The polygons of a feature, rings without the corner that closes them. */
function polygonsOf({ geometry }: Feature): Position[][][] {
  const whole =
    geometry?.type === 'Polygon'
      ? [geometry.coordinates]
      : geometry?.type === 'MultiPolygon'
        ? geometry.coordinates
        : []
  return whole.map((rings) => rings.map((ring) => ring.slice(0, -1)))
}

export class Pits {
  private holes: Position[][][] = []
  private readonly cut = new Set<Cesium3DTileset>()

  constructor(
    private readonly stage: Stage,
    private readonly meshes: () => Cesium3DTileset[],
  ) {}

  get count(): number {
    return this.holes.length
  }

  /** Cut the holes of these features; entities of their walls and floors, as heights allow. */
  async dig(features: Feature[]): Promise<[Feature, Entity.ConstructorOptions][]> {
    const digging = features.filter((feature) => styleOf(feature).hole)
    this.holes = digging.flatMap(polygonsOf)
    this.recut()
    const built = await Promise.all(
      digging.map(async (feature) => {
        const { bottom } = styleOf(feature)
        if (bottom === null) return []
        const parts = await Promise.all(
          polygonsOf(feature).map((rings) => this.pit(rings, bottom).catch(() => [])),
        )
        return parts.flat().map((part) => [feature, part] as [Feature, Entity.ConstructorOptions])
      }),
    )
    return built.flat()
  }

  /** Cut what is in the picture now: a mesh that has just been shown too. */
  recut(): void {
    const { scene } = this.stage.viewer
    if (!ClippingPolygonCollection.isSupported(scene)) return
    const now = this.holes.length ? this.meshes() : []
    for (const tileset of this.cut)
      if (!tileset.isDestroyed() && !now.includes(tileset)) {
        tileset.clippingPolygons?.removeAll() // undefined would leave the hole
        this.cut.delete(tileset)
      }
    for (const tileset of now)
      if (!this.cut.has(tileset)) {
        tileset.clippingPolygons = this.polygons()
        this.cut.add(tileset)
      }
    const { globe } = scene
    const has = Boolean(globe.clippingPolygons?.length)
    if (this.holes.length && !has) globe.clippingPolygons = this.polygons()
    if (!this.holes.length && has) globe.clippingPolygons.removeAll()
    scene.requestRender()
  }

  fill(): void {
    if (!this.holes.length) return
    this.holes = []
    this.recut()
  }

  /** A collection belongs to one thing; each gets its own. */
  private polygons(): ClippingPolygonCollection {
    return new ClippingPolygonCollection({
      polygons: this.holes.map(
        ([outer = [], ...inner]) =>
          new ClippingPolygon({ positions: onEarth(outer), holes: inner.map(onEarth) }),
      ),
    })
  }

  private async pit(rings: Position[][], bottom: number): Promise<Entity.ConstructorOptions[]> {
    const edges = rings.map(dense)
    if (edges.flat().length > MOST) return []
    const heights = await api.heights(edges.flat())
    const walls = edges.map((edge) => {
      const ground = heights.splice(0, edge.length)
      const at = (height: number, [lon = 0, lat = 0]: Position) =>
        height + undulationAt(this.stage.city, lon, lat)
      return {
        wall: {
          positions: onEarth(edge),
          minimumHeights: edge.map((place) => at(bottom, place)),
          maximumHeights: edge.map((place, i) => at(Math.max(ground[i] ?? bottom, bottom), place)),
          material: new ColorMaterialProperty(WALL),
        },
      }
    })
    const [outer = [], ...inner] = rings
    const [lon = 0, lat = 0] = outer[0] ?? []
    const hierarchy = new PolygonHierarchy(
      onEarth(outer),
      inner.map((ring) => new PolygonHierarchy(onEarth(ring))),
    )
    const floor = {
      polygon: {
        hierarchy: new ConstantProperty(hierarchy),
        height: bottom + undulationAt(this.stage.city, lon, lat),
        material: new ColorMaterialProperty(FLOOR),
      },
    }
    return [floor, ...walls]
  }
}

/** A closed ring with corners no farther apart than a wall follows the ground. */
function dense(ring: Position[]): Position[] {
  const closed = [...ring, ring[0]!]
  return closed.flatMap((to, i) => {
    if (!i) return [to]
    const from = closed[i - 1]!
    const [dx, dy] = [to[0]! - from[0]!, to[1]! - from[1]!]
    const count = Math.max(1, Math.ceil(Math.hypot(dx, dy) / STEP))
    return Array.from({ length: count }, (_, n) => {
      const share = (n + 1) / count
      return [from[0]! + dx * share, from[1]! + dy * share]
    })
  })
}
