/** Distance, height and area between clicked places on mesh and terrain. */
import {
  Cartesian2,
  Cartesian3,
  Cartographic,
  ClassificationType,
  Color,
  ColorMaterialProperty,
  ConstantPositionProperty,
  ConstantProperty,
  CustomDataSource,
  Entity,
  LabelStyle,
  PolygonHierarchy,
  VerticalOrigin,
} from 'cesium'
import type { Stage } from './drawn'
import { ellipsoidalArea, geodesic } from './geodesy'
import { Ink, type Stroke } from './ink'
import { Signal } from './signal'
import { FONT } from './stage'

export type MeasureKind = 'distance' | 'height' | 'area'

export interface Measurement {
  kind: MeasureKind
  points: number
  done: boolean
  slope: number // m, along straight lines in space
  horizontal: number // m, geodesic on the ellipsoid
  vertical: number // m, last minus first
  area: number // m², horizontal, on the ellipsoid
}

const COLOUR = Color.fromCssColorString('#35d0ff')

export class Measure {
  readonly changed = new Signal<Measurement | null>()
  private readonly source = new CustomDataSource('measure')
  private readonly ink: Ink
  private kind: MeasureKind | null = null
  private fixed: Cartesian3[] = []
  private cursor: Cartesian3 | null = null
  private done = false
  private label: Entity | null = null
  private surface: Entity | null = null

  constructor(private readonly stage: Stage) {
    void stage.viewer.dataSources.add(this.source)
    this.ink = new Ink(stage.viewer.scene)
  }

  /** Whether clicks belong to the tool. */
  get active(): boolean {
    return this.kind !== null && !this.done
  }

  start(kind: MeasureKind): void {
    this.clear()
    this.kind = kind
    this.tell()
  }

  add(point: Cartesian3): void {
    if (!this.active) return
    this.fixed.push(Cartesian3.clone(point))
    this.source.entities.add({
      position: point,
      point: {
        pixelSize: 8,
        color: Color.WHITE,
        outlineColor: COLOUR,
        outlineWidth: 2,
        disableDepthTestDistance: Number.POSITIVE_INFINITY,
      },
    })
    if (this.kind === 'height' && this.fixed.length === 2) this.finish()
    else this.tell()
  }

  move(point: Cartesian3 | null): void {
    if (!this.active || !this.fixed.length) return
    this.cursor = point && Cartesian3.clone(point)
    this.tell()
  }

  finish(): void {
    if (!this.active) return
    this.cursor = null
    this.done = true
    this.tell()
  }

  clear(): void {
    this.source.entities.removeAll()
    this.ink.draw([])
    this.kind = null
    this.fixed = []
    this.cursor = null
    this.done = false
    this.label = null
    this.surface = null
    this.changed.emit(null)
    this.stage.viewer.scene.requestRender()
  }

  measurement(): Measurement | null {
    if (!this.kind) return null
    const path = this.path()
    const places = path.map((point) => Cartographic.fromCartesian(point))
    let slope = 0
    let horizontal = 0
    for (let i = 1; i < path.length; i++) {
      slope += Cartesian3.distance(path[i - 1]!, path[i]!)
      horizontal += geodesic(places[i - 1]!, places[i]!)
    }
    const first = places[0]
    const last = places.at(-1)
    return {
      kind: this.kind,
      points: this.fixed.length,
      done: this.done,
      slope,
      horizontal,
      vertical: first && last ? last.height - first.height : 0,
      area: this.kind === 'area' ? ellipsoidalArea(places) : 0,
    }
  }

  /** Text beside the last point; the shell sets it, since the shell knows the language. */
  setLabel(text: string): void {
    const at = this.labelled()
    if (!at) return
    this.label ??= this.source.entities.add({
      label: {
        font: `600 28px ${FONT}`,
        scale: 0.5,
        fillColor: Color.WHITE,
        style: LabelStyle.FILL,
        showBackground: true,
        backgroundColor: Color.fromCssColorString('#0b1420').withAlpha(0.85),
        backgroundPadding: new Cartesian2(16, 10),
        verticalOrigin: VerticalOrigin.BOTTOM,
        pixelOffset: new Cartesian2(0, -14),
        disableDepthTestDistance: Number.POSITIVE_INFINITY,
      },
    })
    this.label.position = new ConstantPositionProperty(at)
    if (this.label.label) this.label.label.text = new ConstantProperty(text)
    this.stage.viewer.scene.requestRender()
  }

  /** Beside the last point; for an area, in its middle. */
  private labelled(): Cartesian3 | undefined {
    const path = this.path()
    if (this.kind !== 'area' || path.length < 3) return path.at(-1)
    const sum = path.reduce((a, b) => Cartesian3.add(a, b, new Cartesian3()), new Cartesian3())
    return Cartesian3.divideByScalar(sum, path.length, sum)
  }

  private path(): Cartesian3[] {
    return this.cursor ? [...this.fixed, this.cursor] : this.fixed
  }

  /** The vertical and the horizontal leg of a height measurement. */
  private legs(): Cartesian3[] {
    const [a, b] = this.path()
    if (!a || !b) return []
    const foot = Cartographic.fromCartesian(b)
    foot.height = Cartographic.fromCartesian(a).height
    return [a, Cartographic.toCartesian(foot), b]
  }

  private strokes(): Stroke[] {
    const path = this.path()
    const closed = this.kind === 'area' && path.length > 2 ? [...path, path[0]!] : path
    const strokes: Stroke[] = [{ path: closed, color: COLOUR, width: 3 }]
    if (this.kind === 'height')
      strokes.push({ path: this.legs(), color: Color.WHITE, width: 2, dashed: true })
    return strokes
  }

  private fill(): void {
    if (this.kind !== 'area' || this.path().length < 3) return
    this.surface ??= this.source.entities.add({
      polygon: {
        material: new ColorMaterialProperty(COLOUR.withAlpha(0.25)),
        classificationType: ClassificationType.BOTH,
      },
    })
    const hierarchy = new PolygonHierarchy([...this.path()])
    if (this.surface.polygon) this.surface.polygon.hierarchy = new ConstantProperty(hierarchy)
  }

  private tell(): void {
    this.ink.draw(this.strokes())
    this.fill()
    this.changed.emit(this.measurement())
    this.stage.viewer.scene.requestRender()
  }
}
