/** Everything that went wrong while drawing, in one list that tests and the layer tree read. */
import { Signal } from './signal'

export interface Fault {
  source: string // a layer id, or "scene" or "console"
  message: string
}

export class Faults {
  readonly list: Fault[] = []
  readonly added = new Signal<Fault>()

  constructor() {
    // Cesium reports failed tiles that nobody listens to by console.log alone.
    const log = console.log.bind(console)
    console.log = (...words: unknown[]) => {
      log(...words)
      const text = words.map(String).join(' ')
      if (/An error occurred/.test(text)) this.add('console', text)
    }
  }

  add(source: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const fault = { source, message }
    if (this.list.length < 500) this.list.push(fault)
    this.added.emit(fault)
  }
}
