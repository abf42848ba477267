/** What a form has taken from the map, and the place that a chart points at. */
import type { Geometry, Position } from './api'
import type { Stage } from './drawn'
import { DRAFT_COLOUR } from './draft'
import { Highlight } from './highlight'

export class Sketch {
  private readonly taken: Highlight
  private readonly pointer: Highlight
  /** The place that is marked, degrees. */
  marked: Position | null = null

  constructor(stage: Stage) {
    this.taken = new Highlight(stage.viewer)
    this.pointer = new Highlight(stage.viewer)
  }

  show(shapes: Geometry[]): void {
    const look = { color: DRAFT_COLOUR, width: 3, fill: 0.16 }
    const features = shapes.map((geometry) => ({
      type: 'Feature' as const,
      geometry,
      properties: {},
    }))
    this.taken.show(features, () => look)
  }

  /** Mark a place; null takes the mark away. */
  point(place: Position | null): void {
    if (!place && !this.marked) return
    this.marked = place
    if (!place) return this.pointer.clear()
    const geometry = { type: 'Point' as const, coordinates: place }
    const feature = { type: 'Feature' as const, geometry, properties: {} }
    this.pointer.show([feature], () => ({ color: '#ffffff', width: 3, fill: 0 }))
  }
}
