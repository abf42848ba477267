/** Every layer of the city, drawn when first shown. */
import type { Cesium3DTileset } from 'cesium'
import type { Layer } from './api'
import { POINT_SIZE, drawCloud } from './cloud'
import type { Draw, Drawn, Glow, PublishedLayer, Stage } from './drawn'
import { drawImagery } from './imagery'
import { drawMesh } from './mesh'
import { MOST_POINTS, drawPoints } from './point'
import { Signal } from './signal'
import { drawTerrain } from './terrain'
import { PLAIN, firstTheme, themesOf, type Theme } from './theme'
import { drawVector } from './vector'

export type Status = 'off' | 'loading' | 'on' | 'error'

export interface LayerState {
  id: string
  shown: boolean
  opacity: number
  status: Status
  message: string
  theme: string // id of what it is coloured by
  size: number // of points, pixels
  fit: boolean | null // whether terrain shall be led to its mesh; null where it has none
  fitted: boolean // whether it is
}

function drawerOf(layer: PublishedLayer): Draw {
  if (layer.kind === 'mesh') return drawMesh
  if (layer.kind === 'points') return drawCloud
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
  private readonly themes = new Map<string, Theme[]>()
  readonly layers: PublishedLayer[]

  constructor(
    private readonly stage: Stage,
    readonly all: Layer[],
  ) {
    this.layers = all.filter((layer): layer is PublishedLayer => layer.published !== null)
    for (const layer of this.layers) {
      const { id, style } = layer
      const themes = themesOf(layer, all)
      this.themes.set(id, themes)
      const theme = themes.length ? firstTheme(layer, themes, all) : PLAIN
      const fit = layer.published.media.joined ? true : null
      const look = { opacity: style.opacity, theme, size: POINT_SIZE, fit, fitted: false }
      this.states.set(id, { id, shown: false, status: 'off', message: '', ...look })
    }
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
    this.refit()
    if (!shown && !this.drawn.has(id)) return
    try {
      const drawn = await this.open(layer)
      drawn.setShown(state.shown)
      this.update(state, { status: state.shown ? 'on' : 'off' })
      this.refit()
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

  /** Everything the layer can be coloured by; empty where there is no choice. */
  themesOf(id: string): Theme[] {
    return this.themes.get(id) ?? []
  }

  themeOf(id: string): Theme | undefined {
    return this.themesOf(id).find((theme) => theme.id === this.states.get(id)?.theme)
  }

  setTheme(id: string, theme: string): void {
    const state = this.states.get(id)
    if (!state || !this.themesOf(id).some((one) => one.id === theme)) return
    this.update(state, { theme })
    this.ready.get(id)?.setTheme?.(this.themeOf(id)!)
    this.stage.viewer.scene.requestRender()
  }

  setSize(id: string, pixels: number): void {
    const state = this.states.get(id)
    if (!state || !(pixels >= 1 && pixels <= 12)) return
    this.update(state, { size: pixels })
    this.ready.get(id)?.setSize?.(pixels)
    this.stage.viewer.scene.requestRender()
  }

  /** Lead terrain to the mesh that it was joined to, while that shows; or never. */
  setFit(id: string, fit: boolean): void {
    const state = this.states.get(id)
    if (!state || state.fit === null || state.fit === fit) return
    this.update(state, { fit })
    this.refit()
    this.stage.viewer.scene.requestRender()
  }

  /** Make features of a mesh stand out; null ends it. */
  setGlow(id: string, glow: Glow | null): void {
    this.ready.get(id)?.setGlow?.(glow)
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

  private refit(): void {
    for (const { id, published } of this.layers) {
      const state = this.states.get(id)!
      const mesh = published.media.mesh?.layer
      if (state.fit === null || mesh === undefined) continue
      const fitted = state.fit && (this.states.get(mesh)?.shown ?? false)
      this.ready.get(id)?.setFitted?.(fitted)
      if (fitted !== state.fitted) this.update(state, { fitted })
    }
  }

  private hideOthers(layer: Layer): void {
    for (const other of this.shown())
      if (other.kind === 'terrain' && other.id !== layer.id) void this.setShown(other.id, false)
  }

  private open(layer: PublishedLayer): Promise<Drawn> {
    let drawn = this.drawn.get(layer.id)
    if (!drawn) {
      drawn = drawerOf(layer)(this.stage, layer).then((made) => {
        const { opacity, size } = this.states.get(layer.id)!
        made.setOpacity(opacity)
        made.setSize?.(size)
        made.setFitted?.(this.states.get(layer.id)!.fitted)
        const theme = this.themeOf(layer.id)
        if (theme) made.setTheme?.(theme)
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
