/** What the shell shows, kept in step with the scene by its signals. */
import { reactive, shallowRef } from 'vue'
import type { City, Elevation, Layer } from '../core/api'
import { currentView, type View } from '../core/camera'
import type { FilmState } from '../core/film'
import type { Inspection } from '../core/inspector'
import type { LayerState } from '../core/layers'
import type { Measurement } from '../core/measure'
import { Readout } from '../core/readout'
import type { CityScene, Cursor } from '../core/scene'
import type { Split } from '../core/swipe'

export type Panel = 'inspect' | 'measure' | 'analysis' | 'compare' | 'share'

/** The scene itself stays outside Vue's reach: proxies would slow Cesium down. */
let opened: CityScene | null = null

export function scene(): CityScene {
  if (!opened) throw new Error('the scene is not open yet')
  return opened
}

export const state = reactive({
  ready: false,
  failure: '',
  city: null as City | null,
  layers: [] as Layer[],
  layer: {} as Record<string, LayerState>,
  treeOpen: window.innerWidth >= 900,
  panel: null as Panel | null,
  inspecting: false,
  loading: false,
  cursor: null as Cursor | null,
  ground: null as Elevation | null, // under the resting cursor
  view: null as View | null,
  timed: null as string | null, // layer whose versions the time bar offers
  split: null as Split | null,
  film: null as FilmState | null, // timeline of the result
  veil: null as number | null, // how much of the ground is left while one looks below
})

export const inspection = shallowRef<Inspection | null>(null)
export const measurement = shallowRef<Measurement | null>(null)

export function adopt(city: CityScene): void {
  opened = city
  state.city = city.city
  state.layers = city.stack.all
  for (const { id } of city.stack.layers) state.layer[id] = { ...city.stack.state(id)! }
  city.stack.changed.on((layer) => (state.layer[layer.id] = layer))
  city.swipe.changed.on((split) => (state.split = split))
  state.split = city.swipe.current
  city.cursorMoved.on((cursor) => (state.cursor = cursor))
  new Readout(city).changed.on((ground) => (state.ground = ground))
  city.cameraMoved.on((view) => (state.view = view))
  city.inspecting.on((busy) => (state.inspecting = busy))
  city.inspected.on((found) => {
    inspection.value = found
    if (found) state.panel = 'inspect'
    else city.spotlight.clear()
  })
  city.outcome.film.changed.on((film) => (state.film = film))
  city.underground.changed.on((veil) => (state.veil = veil))
  city.measure.changed.on((value) => (measurement.value = value))
  city.viewer.scene.globe.tileLoadProgressEvent.addEventListener(
    (waiting: number) => (state.loading = waiting > 0),
  )
  state.view = currentView(city.viewer)
  state.ready = true
}

/** Open one of the panels on the right; the same one again closes it. */
export function toggle(panel: Panel): void {
  show(state.panel === panel ? null : panel)
}

export function show(panel: Panel | null): void {
  const left = state.panel
  state.panel = panel
  if (left === 'measure' && panel !== 'measure') scene().measure.clear()
  if (left === 'inspect' && panel !== 'inspect') scene().spotlight.clear()
  if (left === 'analysis' && panel !== 'analysis') {
    scene().takePoint(null)
    scene().draft.cancel()
  }
}
