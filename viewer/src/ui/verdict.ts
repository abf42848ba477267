/** What a rule says, told from any other text of a table. */
import type { Verdict } from '../core/api'

const VERDICTS: readonly unknown[] = ['PASS', 'FAIL', 'UNKNOWN', 'NEEDS_REVIEW']

export function isVerdict(value: unknown): value is Verdict {
  return VERDICTS.includes(value)
}
