/** Every layer of the city, drawn when first shown. */
import { type Cesium3DTileset, SplitDirection } from 'cesium'
import { api, type Layer, type VersionEntry } from './api'
import { POINT_SIZE, drawCloud } from './cloud'
import type { Draw, Drawn, Glow, PublishedLayer, Stage } from './drawn'
import { editionOf, sameEdition, whenOf, type Edition } from './edition'
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
  version: number // the one that is drawn
  fit: boolean | null // whether terrain shall be led to its mesh; null where it has none
  fitted: boolean // whether it is
}

/** One version of a layer, drawn; several may stand side by side. */
interface Standing {
  layer: PublishedLayer
  drawn: Drawn
  shown: boolean
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
  private readonly opened = new Map<string, Promise<void>>()
  private readonly standing = new Map<string, Standing>()
  private readonly themes = new Map<string, Theme[]>()
  private readonly chosen = new Map<string, PublishedLayer>()
  private readonly histories = new Map<string, Promise<VersionEntry[]>>()
  /** What is left of meshes and terrain while one looks into the ground. */
  private veil = 1
  private sides: { left: Edition; right: Edition } | null = null
  readonly layers: PublishedLayer[]

  constructor(
    private readonly stage: Stage,
    readonly all: Layer[],
  ) {
    this.layers = all.filter((layer): layer is PublishedLayer => layer.published !== null)
    for (const layer of this.layers) {
      const { id, style, published } = layer
      const theme = this.retheme(layer, PLAIN)
      const fit = published.media.joined ? true : null
      const look = { opacity: style.opacity, theme, size: POINT_SIZE, fit, fitted: false }
      this.chosen.set(id, layer)
      const { version } = published
      this.states.set(id, { id, shown: false, status: 'off', message: '', version, ...look })
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

  /** Shown layers in the order of the list, in the versions chosen. */
  shown(): PublishedLayer[] {
    return this.layers.flatMap(({ id }) =>
      this.states.get(id)?.shown ? this.chosen.get(id)! : [],
    )
  }

  async setShown(id: string, shown: boolean): Promise<void> {
    const state = this.states.get(id)
    const layer = this.get(id)
    if (!state || !layer || (state.shown === shown && state.status !== 'error')) return
    if (shown && layer.kind === 'terrain') this.hideOthers(layer)
    this.update(state, { shown, status: shown ? 'loading' : 'off', message: '' })
    this.refit()
    await this.refresh(id)
    this.refit()
  }

  /** All versions of a layer, by the day they show. */
  versionsOf(id: string): Promise<VersionEntry[]> {
    let history = this.histories.get(id)
    if (!history) {
      history = api.versions(id).then((versions) => {
        const time = (one: VersionEntry) => Date.parse(whenOf(one))
        return versions.sort((a, b) => time(a) - time(b) || a.version - b.version)
      })
      history.catch(() => this.histories.delete(id)) // the next one asks anew
      this.histories.set(id, history)
    }
    return history
  }

  /** Draw another version of a layer, from now on. */
  async setVersion(id: string, version: number): Promise<void> {
    const state = this.states.get(id)
    const layer = await this.edition({ id, version })
    if (!state || !layer || state.version === version) return
    this.chosen.set(id, layer)
    const theme = this.retheme(layer, state.theme)
    const fit = layer.published.media.joined ? (state.fit ?? true) : null
    this.update(state, { version, theme, fit, ...(state.shown && { status: 'loading' as const }) })
    await this.refresh(id)
    this.refit()
  }

  /** Draw two editions, each on its side of the picture; null ends it. */
  async setSides(sides: { left: Edition; right: Edition } | null): Promise<void> {
    const touched = [this.sides, sides].flatMap((pair) => (pair ? [pair.left.id, pair.right.id] : []))
    this.sides = sides
    await Promise.all([...new Set(touched)].map((id) => this.refresh(id)))
  }

  setOpacity(id: string, opacity: number): void {
    const state = this.states.get(id)
    if (!state) return
    this.update(state, { opacity })
    this.each(id, (one) => this.veiled(one))
  }

  /** Let ground and meshes show what lies below them: 0..1; 1 ends it. */
  setVeil(veil: number): void {
    this.veil = veil
    for (const one of this.standing.values()) if (one.shown) this.veiled(one)
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
    this.each(id, (one) => this.paint(one))
  }

  setSize(id: string, pixels: number): void {
    const state = this.states.get(id)
    if (!state || !(pixels >= 1 && pixels <= 12)) return
    this.update(state, { size: pixels })
    this.each(id, ({ drawn }) => drawn.setSize?.(pixels))
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
    this.each(id, ({ drawn }) => drawn.setGlow?.(glow))
  }

  /** Tilesets that must have loaded before the picture is whole. */
  awaited(): Cesium3DTileset[] {
    return [...this.standing.values()].flatMap(({ shown, drawn }) =>
      shown ? (drawn.tilesets ?? []) : [],
    )
  }

  /** Whether every shown layer is open or has failed. */
  settled(): boolean {
    return [...this.states.values()].every((state) => state.status !== 'loading')
  }

  /** What of a kind is in the picture. */
  tilesetsOf(kind: Layer['kind']): { layer: PublishedLayer; tileset: Cesium3DTileset }[] {
    return [...this.standing.values()].flatMap(({ layer, drawn, shown }) =>
      shown && layer.kind === kind
        ? (drawn.tilesets ?? []).map((tileset) => ({ layer, tileset }))
        : [],
    )
  }

  private each(id: string, act: (one: Standing) => void): void {
    for (const one of this.standing.values()) if (one.layer.id === id) act(one)
    this.stage.viewer.scene.requestRender()
  }

  /** Lead each joined terrain to its mesh while that shows. */
  private refit(): void {
    for (const { id, published } of this.chosen.values()) {
      const state = this.states.get(id)!
      const mesh = published.media.mesh?.layer
      const shows = mesh !== undefined && (this.states.get(mesh)?.shown ?? false)
      const fitted = state.fit === true && shows
      if (fitted === state.fitted) continue
      this.update(state, { fitted })
      this.each(id, ({ drawn }) => drawn.setFitted?.(fitted))
    }
  }

  /** Only one terrain can be the ground. */
  private hideOthers(layer: Layer): void {
    for (const other of this.shown())
      if (other.kind === 'terrain' && other.id !== layer.id) void this.setShown(other.id, false)
  }

  /** The theme to show after the choice has changed with the version. */
  private retheme(layer: PublishedLayer, theme: string): string {
    const themes = themesOf(layer, this.all)
    this.themes.set(layer.id, themes)
    if (themes.some(({ id }) => id === theme) && this.chosen.has(layer.id)) return theme
    return themes.length ? firstTheme(layer, themes, this.all) : PLAIN
  }

  private async edition({ id, version }: Edition): Promise<PublishedLayer | null> {
    const layer = this.get(id)
    if (!layer || layer.published.version === version) return layer ?? null
    const entry = (await this.versionsOf(id)).find((one) => one.version === version)
    return entry ? editionOf(layer, entry) : null
  }

  /** Versions of a layer that belong into the picture now. */
  private wanted(id: string): Edition[] {
    const state = this.states.get(id)
    if (!state?.shown) return []
    const sides = this.sides ? [this.sides.left, this.sides.right] : []
    const split = sides.filter((one) => one.id === id)
    return split.length ? split : [{ id, version: state.version }]
  }

  /** Open what belongs into the picture, then show that and hide the rest. */
  private async refresh(id: string): Promise<void> {
    const state = this.states.get(id)!
    try {
      await Promise.all(this.wanted(id).map((edition) => this.open(edition)))
      const wanted = this.wanted(id)
      // what is new first: a terrain that is replaced must not leave a flat Earth behind
      const order = (one: Standing) => (wanted.some((w) => fits(one, w)) ? 0 : 1)
      const all = [...this.standing.values()].filter(({ layer }) => layer.id === id)
      for (const one of all.sort((a, b) => order(a) - order(b))) this.place(one, wanted)
      const status = state.shown ? 'on' : 'off'
      if (state.status !== status) this.update(state, { status }) // no news is no change
    } catch (error) {
      this.stage.faults.add(id, error)
    }
    this.stage.viewer.scene.requestRender()
  }

  private place(one: Standing, wanted: Edition[]): void {
    one.shown = wanted.some((edition) => fits(one, edition))
    one.drawn.setShown(one.shown)
    if (one.shown) this.veiled(one)
    const side =
      this.sides && fits(one, this.sides.left)
        ? SplitDirection.LEFT
        : this.sides && fits(one, this.sides.right)
          ? SplitDirection.RIGHT
          : SplitDirection.NONE
    one.drawn.setSide?.(side)
    for (const tileset of one.drawn.tilesets ?? []) tileset.splitDirection = side
  }

  private veiled({ layer, drawn }: Standing): void {
    const { opacity } = this.states.get(layer.id)!
    const hides = (layer.kind === 'mesh' || layer.kind === 'terrain') && !layer.style.below
    drawn.setOpacity(hides ? opacity * this.veil : opacity)
  }

  private paint({ layer, drawn }: Standing): void {
    const { theme } = this.states.get(layer.id)!
    const known = themesOf(layer, this.all) // those of this very version
    const found = known.find(({ id }) => id === theme) ?? known[0]
    if (found) drawn.setTheme?.(found)
  }

  private open(edition: Edition): Promise<void> {
    const key = `${edition.id}@${edition.version}`
    let opened = this.opened.get(key)
    if (!opened) {
      opened = this.draw(key, edition)
      opened.catch(() => this.opened.delete(key)) // the next try starts afresh
      this.opened.set(key, opened)
    }
    return opened
  }

  private async draw(key: string, edition: Edition): Promise<void> {
    const layer = await this.edition(edition)
    if (!layer) throw new Error(`${edition.id} has no version ${edition.version}`)
    const drawn = await drawerOf(layer)(this.stage, layer)
    const { size } = this.states.get(layer.id)!
    drawn.setSize?.(size)
    const one: Standing = { layer, drawn, shown: false }
    this.veiled(one)
    this.standing.set(key, one)
    drawn.setFitted?.(this.states.get(layer.id)!.fitted)
    this.paint(one)
  }

  private update(state: LayerState, change: Partial<LayerState>): void {
    Object.assign(state, change)
    this.changed.emit({ ...state })
  }
}

function fits({ layer }: Standing, edition: Edition): boolean {
  return sameEdition({ id: layer.id, version: layer.published.version }, edition)
}
