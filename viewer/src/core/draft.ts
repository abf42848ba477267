/** A line or an area that is being drawn on the map, click by click. */
import { type Cartesian2, Cartesian3, Cartographic, Color, Math as CesiumMath } from 'cesium'
import type { Position } from './api'
import type { Stage } from './drawn'
import { Ink, type Stroke } from './ink'
import { Signal } from './signal'

export type DraftKind = 'line' | 'polygon'

/** Fewest corners that make one. */
export const FEWEST: Record<DraftKind, number> = { line: 2, polygon: 3 }

/** Two clicks nearer than this are one: a double click ends, it adds no corner; pixels. */
const SAME = 5

export const DRAFT_COLOUR = '#35d0ff'

export interface Progress {
  kind: DraftKind
  corners: number
}

interface Corner {
  point: Cartesian3
  pixel: Cartesian2
}

export class Draft {
  /** Every change while drawing; null when it has ended. */
  readonly changed = new Signal<Progress | null>()
  private readonly ink: Ink
  private kind: DraftKind | null = null
  private corners: Corner[] = []
  private cursor: Cartesian3 | null = null
  private taker: ((places: Position[]) => void) | null = null

  constructor(private readonly stage: Stage) {
    this.ink = new Ink(stage.viewer.scene)
    // before the page's own keys, or Enter would press the focused button once more
    window.addEventListener('keydown', (event) => this.key(event), { capture: true })
  }

  get active(): boolean {
    return this.kind !== null
  }

  /** Draw; `taker` gets the corners, [lon, lat] in degrees, when it is finished. */
  start(kind: DraftKind, taker: (places: Position[]) => void): void {
    this.kind = kind
    this.taker = taker
    this.corners = []
    this.cursor = null
    this.stage.viewer.canvas.style.cursor = 'crosshair'
    this.tell()
  }

  add(point: Cartesian3, pixel: Cartesian2): void {
    const last = this.corners.at(-1)?.pixel
    if (last && Math.hypot(last.x - pixel.x, last.y - pixel.y) < SAME) return
    this.corners.push({ point: Cartesian3.clone(point), pixel: pixel.clone() })
    this.tell()
  }

  move(point: Cartesian3 | null): void {
    if (!this.corners.length) return
    this.cursor = point && Cartesian3.clone(point)
    this.draw()
  }

  undo(): void {
    this.corners.pop()
    this.tell()
  }

  /** Hand over what is drawn; with too few corners drawing goes on. */
  finish(): void {
    const { kind, taker } = this
    if (!kind || this.corners.length < FEWEST[kind]) return
    const places = this.corners.map(({ point }) => {
      const { longitude, latitude } = Cartographic.fromCartesian(point)
      return [longitude, latitude].map((v) => Number(CesiumMath.toDegrees(v).toFixed(7)))
    })
    this.cancel()
    taker?.(places)
  }

  cancel(): void {
    if (!this.kind) return
    this.kind = null
    this.taker = null
    this.corners = []
    this.cursor = null
    this.stage.viewer.canvas.style.cursor = ''
    this.tell()
  }

  private key(event: KeyboardEvent): void {
    if (!this.active || (event.target as HTMLElement | null)?.closest?.('input, textarea')) return
    const act = {
      Enter: () => this.finish(),
      Escape: () => this.cancel(),
      Backspace: () => this.undo(),
    }[event.key]
    if (!act) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }

  private tell(): void {
    this.draw()
    this.changed.emit(this.kind && { kind: this.kind, corners: this.corners.length })
  }

  private draw(): void {
    const fixed = this.corners.map(({ point }) => point)
    const color = Color.fromCssColorString(DRAFT_COLOUR)
    const strokes: Stroke[] = [{ path: fixed, color, width: 3 }]
    const last = fixed.at(-1)
    if (last && this.cursor)
      strokes.push({ path: [last, this.cursor], color, width: 2, dashed: true })
    const end = this.cursor ?? last
    if (this.kind === 'polygon' && end && fixed.length > 1)
      strokes.push({ path: [end, fixed[0]!], color: Color.WHITE, width: 1.5, dashed: true })
    this.ink.draw(strokes)
  }
}
