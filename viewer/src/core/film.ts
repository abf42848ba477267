/** Plays the timeline of a result (CZML): a clock of its own, until it is taken away. */
import { CzmlDataSource, JulianDate } from 'cesium'
import type { Stage } from './drawn'
import { Signal } from './signal'

export interface FilmState {
  start: string // ISO 8601, UTC
  seconds: number // how long it lasts
  at: number // seconds from the start
  playing: boolean
  speed: number // seconds of the film a second
}

/** How long a whole film lasts unless somebody wishes otherwise, s. */
const SHOWN = 30

/** Speeds on offer. */
export const SPEEDS = [1, 10, 60, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600]

export class Film {
  readonly changed = new Signal<FilmState | null>()
  state: FilmState | null = null
  private source: CzmlDataSource | null = null
  private start = new JulianDate()
  private before: JulianDate | null = null
  private last = 0
  private turn = 0

  constructor(private readonly stage: Stage) {}

  async show(packets: unknown[]): Promise<void> {
    this.clear()
    const mine = ++this.turn
    const source = await CzmlDataSource.load(packets)
    if (mine !== this.turn) return
    const span = source.clock ?? availability(source)
    if (!span) throw new Error('the timeline says not how long it lasts')
    await this.stage.viewer.dataSources.add(source)
    if (mine !== this.turn) return void this.stage.viewer.dataSources.remove(source, true)
    this.source = source
    this.start = JulianDate.clone(span.startTime)
    const seconds = JulianDate.secondsDifference(span.stopTime, span.startTime)
    this.before = JulianDate.clone(this.stage.viewer.clock.currentTime)
    const wished = seconds / SHOWN
    const speed = SPEEDS.reduce((a, b) => (Math.abs(b - wished) < Math.abs(a - wished) ? b : a))
    const start = JulianDate.toIso8601(this.start, 0)
    this.state = { start, seconds, at: 0, playing: false, speed }
    this.seek(0)
  }

  /** Show a moment, seconds from the start. */
  seek(at: number): void {
    if (!this.state) return
    this.state.at = Math.min(Math.max(at, 0), this.state.seconds)
    const { clock, scene } = this.stage.viewer
    clock.currentTime = JulianDate.addSeconds(this.start, this.state.at, new JulianDate())
    scene.requestRender()
    this.changed.emit({ ...this.state })
  }

  play(playing: boolean): void {
    if (!this.state || this.state.playing === playing) return
    this.state.playing = playing
    if (playing && this.state.at >= this.state.seconds) this.state.at = 0
    this.last = performance.now()
    this.seek(this.state.at)
    if (playing) requestAnimationFrame(this.tick)
  }

  setSpeed(speed: number): void {
    if (!this.state || !(speed > 0)) return
    this.state.speed = speed
    this.seek(this.state.at)
  }

  clear(): void {
    this.turn += 1
    if (this.source) this.stage.viewer.dataSources.remove(this.source, true)
    if (this.before) this.stage.viewer.clock.currentTime = this.before
    this.source = this.before = null
    if (!this.state) return
    this.state = null
    this.changed.emit(null)
    this.stage.viewer.scene.requestRender()
  }

  private readonly tick = (now: number): void => {
    const { state } = this
    if (!state?.playing) return
    // a picture that takes long must not swallow half the film
    const passed = Math.min((now - this.last) / 1000, 0.5)
    this.last = now
    const at = state.at + passed * state.speed
    if (at >= state.seconds) state.playing = false
    this.seek(at)
    if (state.playing) requestAnimationFrame(this.tick)
  }
}

/** From the first to the last moment that anything of it is there. */
function availability(source: CzmlDataSource): { startTime: JulianDate; stopTime: JulianDate } | null {
  const { start, stop } = source.entities.computeAvailability()
  const bounded = JulianDate.secondsDifference(stop, start) < 1e10
  return bounded ? { startTime: start, stopTime: stop } : null
}
