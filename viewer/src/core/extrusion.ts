/** Polygons raised by the field their style names: white models where no mesh was flown. */
import {
  Cartesian3,
  Cartographic,
  Color,
  ColorGeometryInstanceAttribute,
  GeometryInstance,
  PerInstanceColorAppearance,
  PolygonGeometry,
  PolygonHierarchy,
  Primitive,
  sampleTerrainMostDetailed,
} from 'cesium'
import type { Feature, Position } from './api'
import type { PublishedLayer, Stage } from './drawn'
import { colourOf, fetchAll, type FeatureRef } from './point'
import { bboxOf } from './shape'

/** How deep walls reach below the ground at their middle, so that slopes leave no gap, m. */
const FOOT = 4

function outlines(feature: Feature): Position[][][] {
  const { geometry } = feature
  if (geometry?.type === 'Polygon') return [geometry.coordinates]
  if (geometry?.type === 'MultiPolygon') return geometry.coordinates
  return []
}

function instance(
  layer: PublishedLayer,
  feature: Feature,
  rings: Position[][],
  ground: number,
): GeometryInstance {
  const path = (ring: Position[]) =>
    ring.map(([lon = 0, lat = 0]) => Cartesian3.fromDegrees(lon, lat))
  const [outer = [], ...holes] = rings
  const height = Number(feature.properties[layer.style.height_field ?? ''] ?? 0)
  const id: FeatureRef = { layer: layer.id, fid: feature.id ?? -1 }
  return new GeometryInstance({
    id,
    geometry: new PolygonGeometry({
      polygonHierarchy: new PolygonHierarchy(
        path(outer),
        holes.map((hole) => new PolygonHierarchy(path(hole))),
      ),
      height: ground + (Number.isFinite(height) ? height : 0),
      extrudedHeight: ground - FOOT,
      vertexFormat: PerInstanceColorAppearance.VERTEX_FORMAT,
    }),
    attributes: {
      color: ColorGeometryInstanceAttribute.fromColor(
        Color.fromCssColorString(colourOf(layer.style, feature.properties)),
      ),
    },
  })
}

export class Extrusion {
  private readonly drawn = new Map<string, Primitive>()

  constructor(private readonly stage: Stage) {}

  shown(id: string): boolean {
    return this.drawn.has(id)
  }

  async setShown(layer: PublishedLayer, shown: boolean): Promise<void> {
    const { scene } = this.stage.viewer
    const old = this.drawn.get(layer.id)
    if (old) {
      scene.primitives.remove(old)
      this.drawn.delete(layer.id)
    }
    if (shown) this.drawn.set(layer.id, scene.primitives.add(await this.build(layer)))
    scene.requestRender()
  }

  private async build(layer: PublishedLayer): Promise<Primitive> {
    const features = (await fetchAll(layer.id)).filter((feature) => feature.geometry)
    const middles = features.map((feature) => {
      const [west, south, east, north] = bboxOf(feature.geometry!)
      return Cartographic.fromDegrees((west + east) / 2, (south + north) / 2)
    })
    const terrain = this.stage.footing.bare ?? this.stage.viewer.terrainProvider
    if (terrain.availability) await sampleTerrainMostDetailed(terrain, middles)
    return new Primitive({
      geometryInstances: features.flatMap((feature, i) =>
        outlines(feature).map((rings) => instance(layer, feature, rings, middles[i]!.height || 0)),
      ),
      appearance: new PerInstanceColorAppearance({ translucent: false, closed: true }),
      releaseGeometryInstances: true,
    })
  }
}
