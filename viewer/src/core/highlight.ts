/** Draws one feature so that nobody can miss it. Also the features of an analysis' result. */
import {
  Cartesian3,
  ClassificationType,
  Color,
  ColorMaterialProperty,
  ConstantProperty,
  CustomDataSource,
  Entity,
  HeightReference,
  PolygonHierarchy,
  type Viewer,
} from 'cesium'
import type { Feature, Geometry, Position } from './api'

export interface Look {
  color: string
  width: number
  fill: number // opacity of areas
  on?: ClassificationType // what areas are drawn on; default: terrain and mesh
}

export const HIGHLIGHT: Look = { color: '#ffd54a', width: 4, fill: 0.32 }

function cartesians(path: Position[]): Cartesian3[] {
  return path.map(([lon = 0, lat = 0]) => Cartesian3.fromDegrees(lon, lat))
}

function line(
  path: Position[],
  look: Look,
  on = ClassificationType.BOTH,
): Entity.ConstructorOptions {
  return {
    polyline: {
      positions: cartesians(path),
      clampToGround: true,
      classificationType: on,
      width: look.width,
      material: new ColorMaterialProperty(Color.fromCssColorString(look.color)),
    },
  }
}

function area(rings: Position[][], look: Look): Entity.ConstructorOptions[] {
  const [outer = [], ...holes] = rings
  // an outline draped on walls smears down them, so areas with a fill have theirs on the ground
  const on = look.fill > 0 ? ClassificationType.TERRAIN : ClassificationType.BOTH
  const edges = rings.map((ring) => line(ring, look, on))
  if (look.fill <= 0) return edges
  const hierarchy = new PolygonHierarchy(
    cartesians(outer),
    holes.map((hole) => new PolygonHierarchy(cartesians(hole))),
  )
  const material = Color.fromCssColorString(look.color).withAlpha(look.fill)
  return [
    {
      polygon: {
        hierarchy: new ConstantProperty(hierarchy),
        material: new ColorMaterialProperty(material),
        classificationType: look.on ?? ClassificationType.BOTH,
      },
    },
    ...edges,
  ]
}

function spot([lon = 0, lat = 0]: Position, look: Look): Entity.ConstructorOptions {
  return {
    position: Cartesian3.fromDegrees(lon, lat),
    point: {
      pixelSize: 10 + look.width,
      color: Color.fromCssColorString(look.color).withAlpha(0.35),
      outlineColor: Color.fromCssColorString(look.color),
      outlineWidth: Math.min(look.width, 3),
      heightReference: HeightReference.CLAMP_TO_GROUND,
      disableDepthTestDistance: Number.POSITIVE_INFINITY,
    },
  }
}

function shapes(geometry: Geometry, look: Look): Entity.ConstructorOptions[] {
  switch (geometry.type) {
    case 'Point':
      return [spot(geometry.coordinates, look)]
    case 'MultiPoint':
      return geometry.coordinates.map((place) => spot(place, look))
    case 'LineString':
      return [line(geometry.coordinates, look)]
    case 'MultiLineString':
      return geometry.coordinates.map((path) => line(path, look))
    case 'Polygon':
      return area(geometry.coordinates, look)
    case 'MultiPolygon':
      return geometry.coordinates.flatMap((rings) => area(rings, look))
    case 'GeometryCollection':
      return geometry.geometries.flatMap((part) => shapes(part, look))
  }
}

export class Highlight {
  private readonly source = new CustomDataSource('highlight')

  constructor(private readonly viewer: Viewer) {
    void viewer.dataSources.add(this.source)
  }

  show(features: Feature[], lookOf: (feature: Feature) => Look = () => HIGHLIGHT): void {
    this.source.entities.removeAll()
    for (const feature of features)
      if (feature.geometry)
        for (const shape of shapes(feature.geometry, lookOf(feature)))
          this.source.entities.add(shape)
    this.viewer.scene.requestRender()
  }

  clear(): void {
    this.show([])
  }

  get count(): number {
    return this.source.entities.values.length
  }
}
