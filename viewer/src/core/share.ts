/** The link that brings somebody else to the same picture: `#c=…&l=…&s=…&v=…&w=…&lang=…`. */
import type { View } from './camera'
import type { Edition } from './edition'
import type { Split } from './swipe'

/** Stands in place of a theme: terrain that is not led to the mesh. */
export const BARE = '@bare'

export interface Shared {
  view?: View
  layers?: Map<string, number> // id → opacity 0..1
  looks?: Map<string, { theme: string; size?: number }>
  /** Versions that are drawn instead of the current ones. */
  versions?: Map<string, number>
  swipe?: Split
  lang?: string
}

export function encode(shared: Shared): string {
  const parts: string[] = []
  if (shared.view) {
    const { lon, lat, height, heading, pitch } = shared.view
    const digits = [lon.toFixed(6), lat.toFixed(6), height.toFixed(1)]
    parts.push(`c=${[...digits, heading.toFixed(1), pitch.toFixed(1)].join(',')}`)
  }
  if (shared.layers) {
    const layers = [...shared.layers].map(([id, opacity]) =>
      opacity >= 0.995 ? id : `${id}:${Math.round(opacity * 100)}`,
    )
    parts.push(`l=${layers.join(',')}`)
  }
  if (shared.looks?.size) {
    const looks = [...shared.looks].map(([id, { theme, size }]) =>
      [id, encodeURIComponent(theme), ...(size === undefined ? [] : [size])].join(':'),
    )
    parts.push(`s=${looks.join(',')}`)
  }
  if (shared.versions?.size)
    parts.push(`v=${[...shared.versions].map(([id, version]) => `${id}:${version}`).join(',')}`)
  if (shared.swipe) {
    const { left, right, position } = shared.swipe
    const side = ({ id, version }: Edition) => `${id}:${version}`
    parts.push(`w=${side(left)},${side(right)},${Math.round(position * 100)}`)
  }
  if (shared.lang) parts.push(`lang=${shared.lang}`)
  return `#${parts.join('&')}`
}

/** `layer:version`. */
function editionIn(text: string): Edition | null {
  const [, id, version] = /^([^:]+):(\d+)$/.exec(text) ?? []
  return id ? { id, version: Number(version) } : null
}

function swipeIn(text: string): Split | null {
  const [first = '', second = '', percent = '50'] = text.split(',')
  const [left, right] = [editionIn(first), editionIn(second)]
  const share = Number(percent) / 100
  const fits = share >= 0 && share <= 1
  return left && right && fits ? { left, right, position: share } : null
}

/** Read a hash; what does not fit is left out. */
export function decode(hash: string): Shared {
  const values = new URLSearchParams(hash.replace(/^#/, ''))
  const shared: Shared = {}
  const camera = values.get('c')?.split(',').map(Number)
  if (camera?.length === 5 && camera.every(Number.isFinite)) {
    const [lon, lat, height, heading, pitch] = camera as [number, number, number, number, number]
    shared.view = { lon, lat, height, heading, pitch }
  }
  const layers = values.get('l')
  if (layers !== null) {
    shared.layers = new Map(
      layers
        .split(',')
        .filter(Boolean)
        .map((item) => {
          const [id = '', percent] = item.split(':')
          const opacity = percent === undefined ? 1 : Number(percent) / 100
          return [id, Number.isFinite(opacity) ? Math.min(1, Math.max(0, opacity)) : 1]
        }),
    )
  }
  const looks = values.get('s')
  if (looks !== null)
    shared.looks = new Map(
      looks
        .split(',')
        .filter(Boolean)
        .map((item) => {
          const [id = '', theme = '', pixels] = item.split(':')
          const size = Number(pixels)
          return [id, { theme, ...(pixels && Number.isFinite(size) && { size }) }]
        }),
    )
  const versions = values.get('v')?.split(',').flatMap((item) => editionIn(item) ?? [])
  if (versions) shared.versions = new Map(versions.map(({ id, version }) => [id, version]))
  const swipe = swipeIn(values.get('w') ?? '')
  if (swipe) shared.swipe = swipe
  const lang = values.get('lang')
  if (lang) shared.lang = lang
  return shared
}
