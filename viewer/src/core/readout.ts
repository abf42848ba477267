/** Heights of ground and surface under a cursor that rests, as the elevation service tells them. */
import { api, type Elevation } from './api'
import type { CityScene, Cursor } from './scene'
import { Signal } from './signal'

/** How long the cursor must rest before the server is asked, ms. */
const REST = 350

export class Readout {
  readonly changed = new Signal<Elevation | null>()
  private timer = 0
  private asked = 0

  constructor(private readonly scene: CityScene) {
    scene.cursorMoved.on((cursor) => this.moved(cursor))
  }

  private moved(cursor: Cursor | null): void {
    clearTimeout(this.timer)
    this.asked += 1
    this.changed.emit(null)
    if (!cursor || !this.scene.inspector.covered(cursor.lon, cursor.lat)) return
    this.timer = window.setTimeout(() => void this.ask(cursor), REST)
  }

  private async ask({ lon, lat }: Cursor): Promise<void> {
    const mine = this.asked
    // a place without heights is no error worth a red line in the console: ask for many places first
    const [known] = await api.heights([[lon, lat]]).catch(() => [null])
    if (known === null || known === undefined || mine !== this.asked) return
    const found = await api.elevation(lon, lat).catch(() => null)
    if (mine === this.asked) this.changed.emit(found)
  }
}
