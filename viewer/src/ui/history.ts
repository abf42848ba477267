/** The versions of layers, as the shell tells them apart. */
import { reactive } from 'vue'
import type { VersionEntry } from '../core/api'
import { whenOf, type Edition } from '../core/edition'
import { titleOf } from './language'
import { scene, state } from './store'

/** Versions by layer, by the day they show; those asked for so far. */
export const history = reactive<Record<string, VersionEntry[]>>({})

export async function loadHistory(id: string): Promise<void> {
  try {
    history[id] = await scene().stack.versionsOf(id)
  } catch (error) {
    scene().faults.add(id, error)
  }
}

/** Day of the survey; where it is unknown, day and time of the publication. */
export function dayOf(entry: VersionEntry): string {
  if (entry.date) return entry.date
  const at = new Date(entry.at)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`
}

export function entryOf({ id, version }: Edition): VersionEntry | undefined {
  return history[id]?.find((entry) => entry.version === version)
}

/** Title and day of an edition. */
export function nameOf(edition: Edition): { title: string; day: string } {
  const layer = state.layers.find(({ id }) => id === edition.id)
  const entry = entryOf(edition)
  const day = entry ? dayOf(entry) : `v${edition.version}`
  return { title: layer ? titleOf(layer) : edition.id, day }
}

/** Least distance between two marks of a scale, of its length. */
const APART = 0.05

/** Where versions stand on a scale 0..1: at true distances, but never on top of each other. */
export function placesOn(entries: VersionEntry[]): number[] {
  const times = entries.map((entry) => Date.parse(whenOf(entry)))
  const [first = 0, last = 0] = [times[0], times.at(-1)]
  if (times.length < 2) return times.map(() => 0)
  const gap = Math.min(APART, 1 / (times.length - 1))
  const places: number[] = []
  for (const time of times) {
    const truth = last > first ? (time - first) / (last - first) : 0
    places.push(Math.max(truth, places.length ? places.at(-1)! + gap : 0))
  }
  // what was pushed beyond the end is pushed back from there
  let most = 1
  return places
    .reverse()
    .map((place) => {
      const fit = Math.min(place, most)
      most = fit - gap
      return fit
    })
    .reverse()
}
