/** `window.cim`: what tests, scripts and embedding pages may ask of the viewer. */
import { Cartesian3 } from 'cesium'
import type { FilmState } from './film'
import type { Measurement, MeasureKind } from './measure'
import type { Inspection } from './inspector'
import { currentView, type View } from './camera'
import type { CityScene } from './scene'
import { encode } from './share'
import type { Sides, Split } from './swipe'

export interface Automation {
  whenIdle(ms?: number | null): Promise<void>
  state(): {
    view: View
    layers: Record<
      string,
      {
        shown: boolean
        opacity: number
        status: string
        theme: string
        version: number
        fitted: boolean
      }
    >
    swipe: Split | null
    underground: number | null
    quality: string
    lang: string
    frames: number
  }
  setLayer(id: string, shown: boolean): Promise<void>
  setOpacity(id: string, opacity: number): void
  /** Colour by an attribute, or by one of @plain, @rgb, @height. */
  setTheme(id: string, theme: string): void
  setPointSize(id: string, pixels: number): void
  /** Lead terrain to the mesh that it was joined to while that shows, or never. */
  setFit(id: string, fit: boolean): void
  /** Draw another version of a layer. */
  setVersion(id: string, version: number): Promise<void>
  /** Two editions side by side; null ends it. */
  compare(sides: Sides | null, position?: number): Promise<void>
  flyTo(view: View): void
  home(): void
  pick(x: number, y: number): Promise<Inspection | null>
  toPixel(lon: number, lat: number, height: number): [number, number] | null
  /** Measure between places [lon, lat, height above the ellipsoid] as if they were clicked. */
  measure(kind: MeasureKind, places: [number, number, number][]): Measurement | null
  sampleTerrain(places: [number, number][]): Promise<number[]>
  /** What of a result is drawn. */
  result(): { features: number; holes: number; film: FilmState | null }
  /** Show a moment of a result's timeline, seconds from its start. */
  seek(seconds: number): void
  /** Look into the ground, through so much of it (0..1); null ends it. */
  underground(veil: number | null): void
  /** The place that a chart points at, degrees. */
  marked(): number[] | null
  link(): string
  readonly errors: { source: string; message: string }[]
}

declare global {
  interface Window {
    cim: Automation
  }
}

export function publish(scene: CityScene, lang: () => string): void {
  let frames = 0
  scene.viewer.scene.postRender.addEventListener(() => void frames++)
  window.cim = {
    whenIdle: (ms) => scene.whenIdle(ms ?? 60_000),
    state: () => ({
      view: currentView(scene.viewer),
      layers: Object.fromEntries(
        scene.stack.layers.map(({ id }) => {
          const { shown, opacity, status, theme, version, fitted } = scene.stack.state(id)!
          return [id, { shown, opacity, status, theme, version, fitted }]
        }),
      ),
      swipe: scene.swipe.current,
      underground: scene.underground.veil,
      quality: scene.quality,
      lang: lang(),
      frames,
    }),
    setLayer: (id, shown) => scene.setLayer(id, shown),
    setOpacity: (id, opacity) => scene.stack.setOpacity(id, opacity),
    setTheme: (id, theme) => scene.stack.setTheme(id, theme),
    setFit: (id, fit) => scene.stack.setFit(id, fit),
    setPointSize: (id, pixels) => scene.stack.setSize(id, pixels),
    setVersion: (id, version) => scene.stack.setVersion(id, version),
    compare: async (sides, position) =>
      sides ? scene.swipe.start(sides, position) : scene.swipe.end(),
    flyTo: (view) => scene.goTo(view),
    home: () => scene.home(0),
    pick: (x, y) => scene.pick(x, y),
    toPixel: (lon, lat, height) => scene.toPixel(lon, lat, height),
    measure: (kind, places) => {
      scene.measure.start(kind)
      for (const place of places) scene.measure.add(Cartesian3.fromDegrees(...place))
      scene.measure.finish()
      return scene.measure.measurement()
    },
    sampleTerrain: (places) => scene.sampleTerrain(places),
    result: () => ({
      features: scene.outcome.count,
      holes: scene.outcome.pits.count,
      film: scene.outcome.film.state && { ...scene.outcome.film.state },
    }),
    seek: (seconds) => scene.outcome.film.seek(seconds),
    underground: (veil) =>
      veil === null ? scene.underground.leave() : scene.underground.enter(veil),
    marked: () => scene.sketch.marked,
    link: () => encode(scene.shared(lang())),
    errors: scene.faults.list,
  }
}
