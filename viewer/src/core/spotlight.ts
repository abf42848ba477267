/** Makes what was found stand out: on the mesh that knows it, in the mesh by its volume, or draped. */
import {
  Cartesian3,
  ClassificationPrimitive,
  ClassificationType,
  Color,
  ColorGeometryInstanceAttribute,
  GeometryInstance,
  PolygonGeometry,
  PolygonHierarchy,
} from 'cesium'
import { api, type Feature, type Position } from './api'
import type { PublishedLayer, Stage } from './drawn'
import type { Found } from './entity'
import { HIGHLIGHT, type Highlight } from './highlight'
import type { LayerStack } from './layers'
import { bboxOf, widened } from './shape'
import { GLOW } from './tint'

/** Eaves beyond the walls, the foot above the ground, and heads above the roof, m. */
const EAVES = 0.5
const FOOT = 0.6
const HEAD = 3.5
const STRENGTH = 0.5

export class Spotlight {
  private volume: ClassificationPrimitive | null = null
  private lit: string[] = []
  private asked = 0

  constructor(
    private readonly stage: Stage,
    private readonly stack: LayerStack,
    private readonly highlight: Highlight,
  ) {}

  show(found: Found): void {
    this.clear()
    const { feature } = found
    if (found.solid) return
    const height = this.stack.get(found.layer)?.style.height_field
    if (this.glow(found)) {
      const on = ClassificationType.TERRAIN // the mesh shows it already, and where it ends
      this.highlight.show(feature.geometry ? [feature] : [], () => ({ ...HIGHLIGHT, on }))
    } else if (height && feature.geometry && this.meshes().length) {
      this.highlight.show([feature], () => ({ ...HIGHLIGHT, on: ClassificationType.TERRAIN }))
      void this.classify(feature, Number(feature.properties[height]))
    } else this.highlight.show([feature])
  }

  clear(): void {
    this.asked += 1
    for (const mesh of this.lit.splice(0)) this.stack.setGlow(mesh, null)
    if (this.volume) this.stage.viewer.scene.primitives.remove(this.volume)
    this.volume = null
    this.highlight.clear()
  }

  private meshes(): PublishedLayer[] {
    return this.stack.shown().filter(({ kind }) => kind === 'mesh')
  }

  /** Light it up on every shown mesh that carries it; whether any does. */
  private glow({ layer, feature, glow }: Found): boolean {
    for (const mesh of this.meshes()) {
      const { features } = mesh.published.media
      const value =
        typeof features === 'object' && features.layer === layer
          ? features.key === 'row'
            ? feature.id
            : feature.properties[features.key]
          : undefined
      const key = typeof features === 'object' ? features.key : ''
      const own = glow?.mesh === mesh.id ? glow : undefined
      const told =
        own ??
        (typeof value === 'string' || typeof value === 'number'
          ? { attribute: key, value }
          : undefined)
      if (!told) continue
      this.stack.setGlow(mesh.id, told)
      this.lit.push(mesh.id)
    }
    return this.lit.length > 0
  }

  /** Colour what of the meshes lies in the building's volume, without touching the meshes. */
  private async classify(feature: Feature, height: number): Promise<void> {
    const mine = this.asked
    const [west, south, east, north] = bboxOf(feature.geometry!)
    const ground = await api.elevation((west + east) / 2, (south + north) / 2).catch(() => null)
    if (mine !== this.asked || !ground || !Number.isFinite(height)) return
    const instances = widened(feature.geometry!, EAVES).map((rings) =>
      volumeOf(rings, ground.ellipsoidal + FOOT, ground.ellipsoidal + height + HEAD),
    )
    if (!instances.length) return
    const { scene } = this.stage.viewer
    this.volume = scene.primitives.add(
      new ClassificationPrimitive({
        geometryInstances: instances,
        classificationType: ClassificationType.CESIUM_3D_TILE,
        asynchronous: false,
      }),
    )
    scene.requestRender()
  }
}

function volumeOf(rings: Position[][], low: number, high: number): GeometryInstance {
  const path = (ring: Position[]) =>
    ring.map(([lon = 0, lat = 0]) => Cartesian3.fromDegrees(lon, lat))
  const [outer = [], ...holes] = rings
  return new GeometryInstance({
    geometry: new PolygonGeometry({
      polygonHierarchy: new PolygonHierarchy(
        path(outer),
        holes.map((hole) => new PolygonHierarchy(path(hole))),
      ),
      height: high,
      extrudedHeight: low,
    }),
    attributes: {
      color: ColorGeometryInstanceAttribute.fromColor(
        Color.fromCssColorString(GLOW).withAlpha(STRENGTH),
      ),
    },
  })
}
