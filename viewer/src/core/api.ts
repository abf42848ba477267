/** The HTTP contract as types, and the one way to speak it. */
import type { Result } from './answer'

export type * from './answer'

export type Bbox = [west: number, south: number, east: number, north: number] // degrees
export type Kind = 'mesh' | 'points' | 'terrain' | 'imagery' | 'vector'
export type GeometryKind = 'Point' | 'LineString' | 'Polygon' | 'Geometry'

/** A thing with a Chinese title and, mostly, an English one. */
export interface Titled {
  title: string
  title_en?: string
}

export interface City {
  name: string
  name_en: string
  bounds: Bbox
  compute_crs: string
  height_datum: string
  geoid: {
    source: string
    undulation_at_centre: number
    posts: number[][] // m, over the bounds: rows from the south, ends included
  }
  upload_bytes: number // largest file that is taken
  home: [number, number, number, number, number] | null
  version: string
}

export interface Field extends Titled {
  name: string
  type: 'text' | 'integer' | 'real' | 'boolean' | 'date'
  unit: string
  aliases?: string[]
}

export type Value = string | number | boolean

/** An attribute that the features of a mesh, or points, carry with them. */
export interface Attribute {
  name: string
  title: string
  type: Field['type']
  unit?: string
  min?: number
  max?: number
  values?: Value[]
  titles?: string[] // of the values
}

/** What a publication says of itself; which words are there depends on the kind of layer. */
export interface Media {
  minzoom?: number
  maxzoom?: number
  format?: string
  resolution?: number
  /** true: the features of a mesh are its own; else those of a layer, told by a key. */
  features?: boolean | { layer: string; version: number; key: string; found: number }
  attributes?: Attribute[]
  id?: string // attribute that names a feature
  colored?: boolean
  points?: number
  /** Folder of the terrain that was led to a mesh, and that mesh. */
  joined?: string
  mesh?: { layer: string; version: number; key: string }
  /** What was made of heights: slope, aspect, hillshade. */
  product?: string
  /** Classes of a coverage; a grey ramp has none. */
  legend?: (Titled & { color: string })[]
}

export interface LegendItem extends Titled {
  color: string
  value?: string | null
}

export interface Style {
  color: string
  opacity: number
  width: number
  field: string | null
  legend: LegendItem[]
  height_field: string | null
  label_field: string | null
  visible: boolean
  below?: boolean // it lies below the ground
}

export interface Published {
  version: number
  at: string
  extent: Bbox
  heights: [number, number] | null // orthometric, m
  count: number | null
  url: string
  media: Media
}

/** One of all versions of a layer. */
export interface VersionEntry {
  version: number
  at: string
  date?: string | null // day of the survey
  features: number | null
  extent: Bbox
  url: string
  media: Media
}

export interface Layer extends Titled {
  id: string
  abstract: string
  kind: Kind
  data_class: string
  geometry: GeometryKind | null
  fields: Field[]
  owner: string
  sensitivity: string
  cim_level: number | null
  style: Style
  published: Published | null
}

export type Position = number[]
export type Geometry =
  | { type: 'Point'; coordinates: Position }
  | { type: 'MultiPoint' | 'LineString'; coordinates: Position[] }
  | { type: 'MultiLineString' | 'Polygon'; coordinates: Position[][] }
  | { type: 'MultiPolygon'; coordinates: Position[][][] }
  | { type: 'GeometryCollection'; geometries: Geometry[] }

export interface Feature {
  type: 'Feature'
  id?: number
  geometry: Geometry | null
  properties: Record<string, unknown>
}

export interface FeatureCollection {
  type: 'FeatureCollection'
  features: Feature[]
  legend?: (Titled & { color: string })[] // what the colours of a result mean
  below?: boolean // what a result draws lies below the ground
  numberMatched?: number
  numberReturned?: number
}

export interface SearchHit {
  layer: string
  layer_title: string
  layer_title_en: string
  fid: number
  name: string
  lon: number
  lat: number
  height: number | null // ellipsoidal, m
  bbox: Bbox | null
}

/** A height and where it comes from. */
export interface Height {
  height: number // orthometric, m
  ellipsoidal: number // m
  layer: string
  version: number
  resolution: number // m
  accuracy: number | null // root mean square error stated at ingest, m; null: unverified
}

export interface Elevation extends Height {
  surface: Height | null // with buildings and trees, where a mesh has been joined
}

export interface AnalysisHead extends Titled {
  id: string
  summary: string
  summary_en: string
}

export interface Topic extends Titled {
  name: string
  analyses: AnalysisHead[]
}

export interface Parameter {
  title?: string
  'x-title-en'?: string
  'x-unit'?: string
  'x-widget'?: string
  'x-kind'?: Kind // of the layers offered by the widget `layer`
  'x-layer'?: string // whose features the widget `feature` offers
  'x-field'?: string // what names them
  'x-accept'?: string // endings offered by the widget `file`
  'x-advanced'?: boolean // folded away at first
  'x-choices'?: Record<string, [zh: string, en: string]>
  type?: string
  format?: string
  anyOf?: Parameter[]
  $ref?: string
  const?: string | number
  items?: Parameter
  prefixItems?: Parameter[]
  properties?: Record<string, Parameter>
  required?: string[]
  enum?: (string | number)[]
  description?: string
  'x-description-en'?: string
  default?: unknown
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
}

export interface Analysis extends AnalysisHead {
  parameters: {
    properties: Record<string, Parameter>
    required?: string[]
    $defs?: Record<string, Parameter>
  }
  example: Record<string, unknown> | null
}

/** A file that was handed in. */
export interface Uploaded {
  id: string
  name: string
  bytes: number
}

/** An area read from a file. */
export interface ShapeFile {
  geometry: Geometry
  polygons: number
  area: number // ellipsoidal, m²
  crs: string // how it was come to
  notes: string[]
}

/** A refusal of the server (problem+json), or the network's. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly remedy: string,
  ) {
    super(detail || title)
    this.name = 'ApiError'
  }
}

async function reach(path: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init)
  } catch (error) {
    throw new ApiError(0, 'network', String(error), '')
  }
}

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await reach(path, init)
  const text = await response.text()
  if (!response.ok) throw refusal(response, text)
  try {
    return (text ? JSON.parse(text) : null) as T
  } catch {
    throw refusal(response, text)
  }
}

/** What a refusal says: problem+json where it is ours, else the first words. */
function refusal(response: Response, text: string): ApiError {
  let problem: Record<string, unknown>
  try {
    problem = (JSON.parse(text) ?? {}) as Record<string, unknown>
  } catch {
    return new ApiError(response.status, response.statusText, text.slice(0, 200), '')
  }
  const word = (key: string) => (typeof problem[key] === 'string' ? (problem[key] as string) : '')
  return new ApiError(
    response.status,
    word('title') || response.statusText,
    word('detail') || (problem.detail ? JSON.stringify(problem.detail) : ''),
    word('remedy'),
  )
}

const part = encodeURIComponent

function query(values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString()
}

export const api = {
  city: () => call<City>('api/city'),
  layers: async () => (await call<{ layers: Layer[] }>('api/layers')).layers,
  versions: async (layer: string) =>
    (await call<{ versions: VersionEntry[] }>(`api/layers/${part(layer)}`)).versions,
  features: (
    layer: string,
    options: { bbox?: Bbox; limit?: number; offset?: number; q?: string } = {},
  ) =>
    call<FeatureCollection>(
      `api/layers/${part(layer)}/features?` +
        query({ ...options, bbox: options.bbox?.map((v) => v.toFixed(8)).join(',') }),
    ),
  feature: (layer: string, fid: number) =>
    call<Feature>(`api/layers/${part(layer)}/features/${fid}`),
  search: async (q: string, limit = 20) =>
    (await call<{ results: SearchHit[] }>(`api/search?${query({ q, limit })}`)).results,
  elevation: (lon: number, lat: number) =>
    call<Elevation>(`api/elevation?${query({ lon, lat })}`),
  /** Heights of the ground at many places, orthometric, m; null where unknown. */
  heights: async (points: Position[]) =>
    (
      await call<{ heights: (number | null)[] }>('api/elevation', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ points }),
      })
    ).heights,
  upload: (file: File) =>
    call<Uploaded>(`api/uploads?${query({ name: file.name })}`, { method: 'POST', body: file }),
  shape: (file: File, crs: string) =>
    call<ShapeFile>(`api/shapes?${query({ name: file.name, crs: crs || undefined })}`, {
      method: 'POST',
      body: file,
    }),
  /** The report of a result as PDF, with a picture of the map. */
  report: async (result: string, picture: Blob) => {
    const path = `api/results/${result}/report.pdf`
    const response = await reach(path, { method: 'POST', body: picture })
    if (!response.ok) throw refusal(response, await response.text())
    return response.blob()
  },
  topics: async () => (await call<{ topics: Topic[] }>('api/topics')).topics,
  analysis: (id: string) => call<Analysis>(`api/topics/${id.replace('.', '/')}`),
  run: (id: string, parameters: Record<string, unknown>) =>
    call<Result>(`api/topics/${id.replace('.', '/')}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
    }),
}

/** Served addresses start with "/"; ours are relative, so that any prefix may serve the viewer. */
export function served(url: string): string {
  return url.startsWith('/') ? `.${url}` : url
}
