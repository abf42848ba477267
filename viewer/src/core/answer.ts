/** What an analysis answers. */
import type { Bbox, FeatureCollection, LegendItem, Titled } from './api'

export type Verdict = 'PASS' | 'FAIL' | 'UNKNOWN' | 'NEEDS_REVIEW'

export interface Figure extends Titled {
  key: string
  value: number | string | null
  unit: string | null
  verdict: Verdict | null
  evidence: string | null
}

export interface Coverage {
  url: string
  download?: string // GeoTIFF
  bounds: Bbox
  minzoom: number
  maxzoom: number
  legend: LegendItem[]
}

export interface Axis extends Titled {
  color?: string | null // #rrggbb
  unit: string
  values: (number | string | null)[]
}

export interface Series extends Titled {
  x: Axis
  y: Axis[]
  bins?: boolean // columns instead of lines
}

export interface Table extends Titled {
  columns: (Titled & { key: string; unit?: string | null })[]
  rows: Record<string, unknown>[] // a row's place [lon, lat] is where the map goes
  /** What a row's button says that asks again with the row's own values (`again`). */
  again?: Titled | null
}

/** A question that follows from an answer, filled in as far as the answer goes. */
export interface Following extends Titled {
  analysis: string
  values: Record<string, unknown>
}

/** From where an answer is looked at, if not from above. */
export interface Viewpoint {
  place: [lon: number, lat: number] // degrees
  height: number // orthometric, m
  heading: number // degrees from true north
  pitch: number
}

export interface Result {
  analysis: string
  id: string
  title: string
  title_en: string
  summary: Figure[]
  features: FeatureCollection | null
  coverage: Coverage | null
  timeline: unknown[] | null // CZML packets
  series: Series[] | null
  tables: Table[]
  attachments: (Titled & { file: string; url: string; media_type: string })[]
  following: Following[] // questions that follow from this answer
  viewpoint?: Viewpoint | null // from where it is looked at
  provenance: Record<string, unknown>
}
