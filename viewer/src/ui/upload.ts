/** What may be handed in. */
import { i18n } from './language'
import { state } from './store'
import type { Trouble } from './trouble'

/** The refusal of a file that the server would not take either; null where it fits. */
export function tooLarge(file: File): Trouble | null {
  const most = state.city?.upload_bytes ?? Infinity
  if (file.size <= most) return null
  const { t } = i18n.global
  const detail = t('file.tooLarge', { name: file.name, most: Math.floor(most / 1e6) })
  return { title: file.name, detail, remedy: t('file.cut') }
}
