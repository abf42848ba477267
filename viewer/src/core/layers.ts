/** Every layer of the city, drawn when first shown. */
import type { Cesium3DTileset } from 'cesium'
import type { Layer } from './api'
import type { Draw, Drawn, PublishedLayer, Stage } from './drawn'
import { drawImagery } from './imagery'
import { drawMesh } from './mesh'
import { MOST_POINTS, drawPoints } from './point'
import { Signal } from './signal'
import { drawTerrain } from './terrain'
import { drawVector } from './vector'

export type Status = 'off' | 'loading' | 'on' | 'error'

export interface LayerState {
  id: string
  shown: boolean
  opacity: number
  status: Status
  message: string
}

function drawerOf(layer: PublishedLayer): Draw {
  if (layer.kind === 'mesh') return drawMesh
  if (layer.kind === 'terrain') return drawTerrain
  if (layer.kind === 'imagery') return drawImagery
  const few = (layer.published.count ?? 0) <= MOST_POINTS
  return layer.geometry === 'Point' && few ? drawPoints : drawVector
}

export class LayerStack {
  readonly changed = new Signal<LayerState>()
  private readonly states = new Map<string, LayerState>()
  private readonly drawn = new Map<string, Promise<Drawn>>()
  private readonly ready = new Map<string, Drawn>()
  readonly layers: PublishedLayer[]

  constructor(
    private readonly stage: Stage,
    readonly all: Layer[],
  ) {
    this.layers = all.filter((layer): layer is PublishedLayer => layer.published !== null)
    for (const { id, style } of this.layers)
      this.states.set(id, { id, shown: false, opacity: style.opacity, status: 'off', message: '' })
    stage.faults.added.on(({ source, message }) => {
      const state = this.states.get(source)
      if (state) this.update(state, { status: 'error', message })
    })
  }

  get(id: string): PublishedLayer | undefined {
    return this.layers.find((layer) => layer.id === id)
  }

  state(id: string): LayerState | undefined {
    return this.states.get(id)
  }

  /** Shown layers in the order of the list. */
  shown(): PublishedLayer[] {
    return this.layers.filter((layer) => this.states.get(layer.id)?.shown)
  }

  async setShown(id: string, shown: boolean): Promise<void> {
    const state = this.states.get(id)
    const layer = this.get(id)
    if (!state || !layer || (state.shown === shown && state.status !== 'error')) return
    if (shown && layer.kind === 'terrain') this.hideOthers(layer)
    this.update(state, { shown, status: shown ? 'loading' : 'off', message: '' })
    if (!shown && !this.drawn.has(id)) return
    try {
      const drawn = await this.open(layer)
      drawn.setShown(state.shown)
      this.update(state, { status: state.shown ? 'on' : 'off' })
    } catch (error) {
      this.drawn.delete(id) // the next try starts afresh
      this.stage.faults.add(id, error)
    }
    this.stage.viewer.scene.requestRender()
  }

  setOpacity(id: string, opacity: number): void {
    const state = this.states.get(id)
    if (!state) return
    this.update(state, { opacity })
    this.ready.get(id)?.setOpacity(opacity)
    this.stage.viewer.scene.requestRender()
  }

  /** Tilesets that must have loaded before the picture is whole. */
  awaited(): Cesium3DTileset[] {
    return this.shown().flatMap(({ id }) => this.ready.get(id)?.tilesets ?? [])
  }

  /** Whether every shown layer is open or has failed. */
  settled(): boolean {
    return [...this.states.values()].every((state) => state.status !== 'loading')
  }

  tilesetsOf(kind: Layer['kind']): { layer: PublishedLayer; tileset: Cesium3DTileset }[] {
    return this.layers
      .filter((layer) => layer.kind === kind)
      .flatMap((layer) =>
        (this.ready.get(layer.id)?.tilesets ?? []).map((tileset) => ({ layer, tileset })),
      )
  }

  private hideOthers(layer: Layer): void {
    for (const other of this.shown())
      if (other.kind === 'terrain' && other.id !== layer.id) void this.setShown(other.id, false)
  }

  private open(layer: PublishedLayer): Promise<Drawn> {
    let drawn = this.drawn.get(layer.id)
    if (!drawn) {
      drawn = drawerOf(layer)(this.stage, layer).then((made) => {
        made.setOpacity(this.states.get(layer.id)!.opacity)
        this.ready.set(layer.id, made)
        return made
      })
      this.drawn.set(layer.id, drawn)
    }
    return drawn
  }

  private update(state: LayerState, change: Partial<LayerState>): void {
    Object.assign(state, change)
    this.changed.emit({ ...state })
  }
}
