/**
 * The features of a result in Cesium's entities, by the words of `properties.style`: color, width,
 * fill, dash, label, at_height, bottom and top, radius (see `cim/drawn.py`). Heights come
 * orthometric.
 */
import {
  ArcType,
  Cartesian2,
  Cartesian3,
  ClassificationType,
  Color,
  ColorMaterialProperty,
  ConstantProperty,
  CornerType,
  type Entity,
  HeightReference,
  LabelStyle,
  type MaterialProperty,
  PolygonHierarchy,
  PolylineDashMaterialProperty,
  VerticalOrigin,
} from 'cesium'
import type { City, Feature, Geometry, Position } from './api'
import { undulationAt } from './geoid'
import { FONT } from './stage'

type Options = Entity.ConstructorOptions

export interface Style {
  color: string
  width: number
  fill: string | null
  dash: boolean
  label: boolean
  atHeight: boolean
  bottom: number | null // orthometric, m
  top: number | null
  radius: number | null // m
  hole: boolean
}

/** Opacity of bodies whose style says nothing of a fill. */
const BODY = 0.85
const BEHIND = 0.35 // of lines in space behind ground or mesh
const CORNERS = 16 // of a tube's cross-section
const AXIS = 3 // least width of a tube, pixels

export function styleOf({ properties }: Feature): Style {
  const given = (properties.style ?? {}) as Record<string, unknown>
  const number = (key: string) =>
    typeof given[key] === 'number' && Number.isFinite(given[key]) ? (given[key] as number) : null
  const color = typeof given.color === 'string' ? given.color : '#ffd54a'
  const fill = typeof given.fill === 'number' ? css(color, given.fill) : given.fill
  return {
    color: Color.fromCssColorString(color) ? color : '#ffd54a',
    width: number('width') ?? 2,
    fill: typeof fill === 'string' && Color.fromCssColorString(fill) ? fill : null,
    dash: given.dash === true,
    label: given.label === true,
    atHeight: given.at_height === true,
    bottom: number('bottom'),
    top: number('top'),
    radius: number('radius'),
    hole: given.hole === true,
  }
}

function css(color: string, opacity: number): string {
  return (Color.fromCssColorString(color) ?? Color.YELLOW).withAlpha(opacity).toCssHexString()
}

/** Whether it stands in space, rather than being draped on ground and mesh. */
export function isSolid({ atHeight, bottom, top, radius }: Style): boolean {
  return atHeight || radius !== null || (bottom !== null && top !== null)
}

/** Everything that draws one feature. */
/** A name stands so far above its place, and above the name below it, pixels. */
export const LIFT = 14
export const STORY = 17

/** @param story How many names stand at about the same place already. */
export function painted(feature: Feature, city: City, name: string, story = 0): Options[] {
  if (!feature.geometry) return []
  const style = styleOf(feature)
  const brush = new Brush(style, city)
  const drawn = brush.paint(feature.geometry)
  return style.label && name ? [...drawn, brush.label(feature.geometry, name, story)] : drawn
}

/** Draws in one style. */
class Brush {
  private readonly color: Color
  private readonly fill: Color | null

  constructor(
    private readonly style: Style,
    private readonly city: City,
  ) {
    this.color = Color.fromCssColorString(style.color)
    this.fill = style.fill ? Color.fromCssColorString(style.fill) : null
  }

  paint(geometry: Geometry): Options[] {
    switch (geometry.type) {
      case 'Point':
        return [this.point(geometry.coordinates)]
      case 'MultiPoint':
        return geometry.coordinates.map((place) => this.point(place))
      case 'LineString':
        return [this.line(geometry.coordinates)]
      case 'MultiLineString':
        return geometry.coordinates.map((path) => this.line(path))
      case 'Polygon':
        return this.area(geometry.coordinates)
      case 'MultiPolygon':
        return geometry.coordinates.flatMap((rings) => this.area(rings))
      case 'GeometryCollection':
        return geometry.geometries.flatMap((part) => this.paint(part))
    }
  }

  /** The name beside the middle of a line or in an area, above a point. */
  label(geometry: Geometry, text: string, story: number): Options {
    const place = anchorOf(geometry)
    const { top, bottom, atHeight } = this.style
    const height = top ?? (atHeight || bottom !== null ? (place[2] ?? bottom) : null)
    const [lon = 0, lat = 0] = place
    return {
      position: Cartesian3.fromDegrees(lon, lat, height === null ? 0 : height + this.n(place)),
      label: {
        text,
        font: `500 26px ${FONT}`,
        scale: 0.5,
        fillColor: Color.WHITE,
        outlineColor: Color.fromCssColorString('#0b1420'),
        outlineWidth: 5,
        style: LabelStyle.FILL_AND_OUTLINE,
        pixelOffset: new Cartesian2(0, -LIFT - STORY * story),
        verticalOrigin: VerticalOrigin.BOTTOM,
        heightReference: height === null ? HeightReference.CLAMP_TO_GROUND : HeightReference.NONE,
        disableDepthTestDistance: Number.POSITIVE_INFINITY,
      },
    }
  }

  private n([lon = 0, lat = 0]: Position): number {
    return undulationAt(this.city, lon, lat)
  }

  /** At their own heights where the style says so and they have them, else on the ellipsoid. */
  private places(path: Position[], heights: boolean): Cartesian3[] {
    return path
      .map((place) => {
        const [lon = 0, lat = 0, h] = place
        return Cartesian3.fromDegrees(lon, lat, heights && h !== undefined ? h + this.n(place) : 0)
      })
      .filter((point, i, all) => !i || !Cartesian3.equalsEpsilon(point, all[i - 1]!, 0, 1e-4))
  }

  private ink(color = this.color): MaterialProperty {
    return this.style.dash
      ? new PolylineDashMaterialProperty({ color, dashLength: 14 })
      : new ColorMaterialProperty(color)
  }

  private point(place: Position): Options {
    const { width, atHeight, bottom, top, radius } = this.style
    const [lon = 0, lat = 0, height] = place
    if (radius !== null && bottom !== null && top !== null)
      return this.cylinder(place, bottom, top, radius)
    const own = atHeight && height !== undefined
    return {
      position: Cartesian3.fromDegrees(lon, lat, own ? height + this.n(place) : 0),
      point: {
        pixelSize: 8 + width,
        color: this.fill ?? this.color.withAlpha(0.35),
        outlineColor: this.color,
        outlineWidth: Math.min(Math.max(width, 1), 3),
        heightReference: own ? HeightReference.NONE : HeightReference.CLAMP_TO_GROUND,
        disableDepthTestDistance: Number.POSITIVE_INFINITY,
      },
    }
  }

  private cylinder(place: Position, bottom: number, top: number, radius: number): Options {
    const [lon = 0, lat = 0] = place
    const middle = (bottom + top) / 2 + this.n(place)
    return {
      position: Cartesian3.fromDegrees(lon, lat, middle),
      cylinder: {
        length: Math.max(Math.abs(top - bottom), 0.01),
        topRadius: radius,
        bottomRadius: radius,
        material: new ColorMaterialProperty(this.fill ?? this.color),
      },
    }
  }

  private line(path: Position[]): Options {
    const { width, atHeight, bottom, top, radius } = this.style
    const own = path.every(([, , height]) => height !== undefined)
    if (radius !== null && own) return this.tube(path, radius)
    if (bottom !== null && top !== null) return this.wall(path, bottom, top)
    if (atHeight && own)
      return {
        polyline: {
          positions: this.places(path, true),
          arcType: ArcType.NONE,
          width,
          material: this.ink(),
          depthFailMaterial: this.ink(this.color.withAlpha(BEHIND)),
        },
      }
    return this.draped(path, ClassificationType.BOTH)
  }

  private draped(path: Position[], on: ClassificationType): Options {
    return {
      polyline: {
        positions: this.places(path, false),
        clampToGround: true,
        classificationType: on,
        width: this.style.width,
        material: this.ink(),
      },
    }
  }

  private tube(path: Position[], radius: number): Options {
    const [first, ...others] = path
    const plumb = others.every(([lon, lat]) => lon === first![0] && lat === first![1])
    if (plumb) {
      const heights = path.map(([, , height]) => height!)
      return this.cylinder(first!, Math.min(...heights), Math.max(...heights), radius)
    }
    return {
      // a pipe is thinner than a pixel from where one sees a street
      polyline: {
        positions: this.places(path, true),
        arcType: ArcType.NONE,
        width: AXIS,
        material: this.ink(),
      },
      polylineVolume: {
        positions: this.places(path, true),
        shape: Array.from({ length: CORNERS }, (_, i) => {
          const turn = (2 * Math.PI * i) / CORNERS
          return new Cartesian2(radius * Math.cos(turn), radius * Math.sin(turn))
        }),
        cornerType: CornerType.MITERED,
        material: new ColorMaterialProperty(this.fill ?? this.color),
      },
    }
  }

  private wall(path: Position[], bottom: number, top: number): Options {
    const at = (height: number) => path.map((place) => height + this.n(place))
    return {
      wall: {
        positions: path.map(([lon = 0, lat = 0]) => Cartesian3.fromDegrees(lon, lat)),
        minimumHeights: at(bottom),
        maximumHeights: at(top),
        material: new ColorMaterialProperty(this.fill ?? this.color.withAlpha(BODY)),
      },
    }
  }

  private area(rings: Position[][]): Options[] {
    const { atHeight, bottom, top } = this.style
    const own = atHeight && rings.flat().every(([, , height]) => height !== undefined)
    if (bottom !== null && top !== null) return [this.body(rings, bottom, top)]
    if (own) return [this.plate(rings)]
    // an outline draped on walls smears down them, so areas with a fill have theirs on the ground
    const on = this.fill ? ClassificationType.TERRAIN : ClassificationType.BOTH
    const edges = rings.map((ring) => this.draped(ring, on))
    if (!this.fill) return edges
    return [
      {
        polygon: {
          hierarchy: new ConstantProperty(this.hierarchy(rings, false)),
          material: new ColorMaterialProperty(this.fill),
          classificationType: ClassificationType.BOTH,
        },
      },
      ...edges,
    ]
  }

  private body(rings: Position[][], bottom: number, top: number): Options {
    const n = this.n(rings[0]?.[0] ?? [])
    return {
      polygon: {
        hierarchy: new ConstantProperty(this.hierarchy(rings, false)),
        height: top + n,
        extrudedHeight: bottom + n,
        material: new ColorMaterialProperty(this.fill ?? this.color.withAlpha(BODY)),
        outline: true,
        outlineColor: this.color,
      },
    }
  }

  private plate(rings: Position[][]): Options {
    return {
      polygon: {
        hierarchy: new ConstantProperty(this.hierarchy(rings, true)),
        perPositionHeight: true,
        material: new ColorMaterialProperty(this.fill ?? this.color.withAlpha(BODY)),
        outline: true,
        outlineColor: this.color,
      },
    }
  }

  private hierarchy(rings: Position[][], heights: boolean): PolygonHierarchy {
    const [outer = [], ...holes] = rings
    return new PolygonHierarchy(
      this.places(outer, heights),
      holes.map((hole) => new PolygonHierarchy(this.places(hole, heights))),
    )
  }
}

/** Where the name of a geometry stands. */
export function anchorOf(geometry: Geometry): Position {
  switch (geometry.type) {
    case 'Point':
      return geometry.coordinates
    case 'MultiPoint':
      return geometry.coordinates[0] ?? []
    case 'LineString':
      return geometry.coordinates[Math.floor(geometry.coordinates.length / 2)] ?? []
    case 'MultiLineString':
      return anchorOf({ type: 'LineString', coordinates: geometry.coordinates[0] ?? [] })
    case 'Polygon': {
      const ring = geometry.coordinates[0]?.slice(0, -1) ?? []
      const mean = (part: number) =>
        ring.reduce((sum, place) => sum + (place[part] ?? 0), 0) / (ring.length || 1)
      return [mean(0), mean(1)]
    }
    case 'MultiPolygon':
      return anchorOf({ type: 'Polygon', coordinates: geometry.coordinates[0] ?? [] })
    case 'GeometryCollection':
      return geometry.geometries[0] ? anchorOf(geometry.geometries[0]) : []
  }
}
