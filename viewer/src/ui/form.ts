/** How a declared parameter is asked for. */
import type { Geometry, Kind, Parameter, Position } from '../core/api'
import { lang, titleOf, unitOf } from './language'

type Widget =
  | 'point'
  | 'points'
  | 'line'
  | 'polygon'
  | 'layer'
  | 'feature'
  | 'file'
  | 'date'
  | 'moment'
  | 'table'
  | 'switch'
  | 'select'
  | 'number'
  | 'text'

export interface Choice {
  value: string | number
  title: string
}

export interface Row {
  name: string
  title: string
  unit: string
  hint: string
  widget: Widget
  min: number
  max: number
  step: number
  slider: boolean
  nullable: boolean
  choices: Choice[]
  kind: Kind | undefined
  layer: string // whose features are offered, and which of their fields names them
  field: string
  accept: string
  advanced: boolean
  columns: Column[] // of a table
}

/** A column of a table in a form; a list of plain values has one without a name. */
export interface Column {
  name: string
  title: string
  unit: string
  type: 'number' | 'integer' | 'boolean' | 'string'
  choices: Choice[]
  required: boolean
}

export type Definitions = Record<string, Parameter>

const WANTED: readonly string[] = ['point', 'points', 'line', 'polygon', 'layer', 'feature', 'file']

/** The type that a parameter asks for: what a $ref means, and of anyOf [the type, null] the type. */
function flat(parameter: Parameter, defs: Definitions): Parameter {
  const meant = parameter.$ref ? { ...defs[parameter.$ref.split('/').at(-1)!], ...parameter } : parameter
  const kind = meant.anyOf?.find(({ type }) => type !== 'null')
  if (!kind) return meant.const === undefined ? meant : { ...meant, enum: [meant.const] }
  return { ...flat(kind, defs), ...meant }
}

function widgetOf(parameter: Parameter): Widget {
  const wanted = parameter['x-widget']
  if (wanted && WANTED.includes(wanted)) return wanted as Widget
  if (parameter.enum) return 'select'
  if (parameter.type === 'boolean') return 'switch'
  if (parameter.format === 'date') return 'date'
  if (parameter.format === 'date-time') return 'moment'
  if (parameter.type === 'array') return 'table'
  return parameter.type === 'number' || parameter.type === 'integer' ? 'number' : 'text'
}

/** About two hundred steps over the range, on a round number. */
function stepOf(min: number, max: number, type: string | undefined): number {
  if (!Number.isFinite(max - min)) return 1
  const step = 10 ** Math.round(Math.log10((max - min) / 200))
  return type === 'integer' ? Math.max(1, step) : step
}

export function titleOfParameter(name: string, parameter: Parameter | undefined): string {
  return titleOf({
    title: parameter?.title ?? name,
    title_en: parameter?.['x-title-en'] ?? '',
  })
}

function choicesOf(parameter: Parameter): Choice[] {
  return (parameter.enum ?? []).map((value) => {
    const [zh, en] = parameter['x-choices']?.[String(value)] ?? [String(value), String(value)]
    return { value, title: titleOf({ title: zh, title_en: en }) }
  })
}

/** Columns of a list: those of its objects, its pairs, or the one of its values. */
function columnsOf(parameter: Parameter, defs: Definitions): Column[] {
  const item = flat(parameter.items ?? {}, defs)
  const column = (name: string, given: Parameter, required: boolean): Column => {
    const of = flat(given, defs)
    const known = ['number', 'integer', 'boolean'].includes(of.type ?? '')
    return {
      name,
      title: name ? titleOfParameter(name, of) : titleOfParameter('', parameter),
      unit: unitOf(of['x-unit']),
      type: known ? (of.type as 'number') : 'string',
      choices: choicesOf(of),
      required,
    }
  }
  if (item.properties)
    return Object.entries(item.properties).map(([name, of]) =>
      column(name, of, item.required?.includes(name) ?? false),
    )
  if (item.prefixItems) return item.prefixItems.map((of, i) => column(String(i), of, true))
  return [column('', item, true)]
}

export function rowOf(name: string, given: Parameter, defs: Definitions = {}): Row {
  const parameter = flat(given, defs)
  const min = parameter.minimum ?? parameter.exclusiveMinimum ?? -Infinity
  const max = parameter.maximum ?? parameter.exclusiveMaximum ?? Infinity
  const nullable = given.anyOf?.some(({ type }) => type === 'null') ?? false
  return {
    name,
    title: titleOfParameter(name, parameter),
    unit: unitOf(parameter['x-unit']),
    hint: (lang() === 'zh' ? parameter.description : parameter['x-description-en']) ?? '',
    widget: widgetOf(parameter),
    min,
    max,
    step: stepOf(min, max, parameter.type),
    slider: Number.isFinite(min) && Number.isFinite(max) && !nullable,
    nullable,
    choices: choicesOf(parameter),
    kind: parameter['x-kind'],
    layer: parameter['x-layer'] ?? '',
    field: parameter['x-field'] ?? '',
    accept: parameter['x-accept'] ?? '',
    // nobody in a hurry chooses another layer than the city's own
    advanced: parameter['x-advanced'] ?? (widgetOf(parameter) === 'layer' && parameter.default != null),
    columns: widgetOf(parameter) === 'table' ? columnsOf(parameter, defs) : [],
  }
}

function isPlace(value: unknown): value is Position {
  return Array.isArray(value) && value.length >= 2 && value.every(Number.isFinite)
}

export function placesOf(value: unknown): Position[] {
  return Array.isArray(value) ? value.filter(isPlace) : []
}

/** The area of a parameter: a drawn ring, or GeoJSON from a file. */
export function areaOf(value: unknown): Geometry | null {
  const places = placesOf(value)
  if (places.length > 2) return { type: 'Polygon', coordinates: [[...places, places[0]!]] }
  const { type } = (value ?? {}) as { type?: unknown }
  return type === 'Polygon' || type === 'MultiPolygon' ? (value as Geometry) : null
}

function geometryOf(widget: Widget, value: unknown): Geometry | null {
  if (widget === 'point' && isPlace(value)) return { type: 'Point', coordinates: value }
  if (widget === 'polygon') return areaOf(value)
  const places = placesOf(value)
  if (widget === 'points' && places.length) return { type: 'MultiPoint', coordinates: places }
  if (widget === 'line' && places.length > 1) return { type: 'LineString', coordinates: places }
  return null
}

/** What the values of a form look like on the map. */
export function shapesOf(
  parameters: Record<string, Parameter>,
  values: Record<string, unknown>,
): Geometry[] {
  return Object.entries(parameters).flatMap(
    ([name, parameter]) => geometryOf(widgetOf(flat(parameter, {})), values[name]) ?? [],
  )
}
