/** An error as the screen tells it: what, why, what to do. */
import { ApiError } from '../core/api'
import { i18n } from './language'

export interface Trouble {
  title: string
  detail: string
  remedy: string
}

export function explain(error: unknown): Trouble {
  if (error instanceof ApiError) {
    const title = error.status === 0 ? i18n.global.t('analysis.network') : error.title
    return { title, detail: error.detail, remedy: error.remedy }
  }
  return { title: error instanceof Error ? error.message : String(error), detail: '', remedy: '' }
}
