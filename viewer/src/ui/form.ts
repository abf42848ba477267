/** How a declared parameter is asked for. */
import type { Geometry, Kind, Parameter, Position } from '../core/api'
import { lang, titleOf, unitOf } from './language'

type Widget =
  | 'point'
  | 'line'
  | 'polygon'
  | 'layer'
  | 'date'
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
}

const DRAWN: readonly string[] = ['point', 'line', 'polygon', 'layer']

/** A nullable parameter is anyOf [the type, null]: the type is what the form asks for. */
function flat(parameter: Parameter): Parameter {
  const kind = parameter.anyOf?.find(({ type }) => type !== 'null')
  return kind ? { ...kind, ...parameter } : parameter
}

function widgetOf(parameter: Parameter): Widget {
  const wanted = parameter['x-widget']
  if (wanted && DRAWN.includes(wanted)) return wanted as Widget
  if (parameter.enum) return 'select'
  if (parameter.type === 'boolean') return 'switch'
  if (parameter.format === 'date') return 'date'
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

export function rowOf(name: string, given: Parameter): Row {
  const parameter = flat(given)
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
  }
}

function isPlace(value: unknown): value is Position {
  return Array.isArray(value) && value.length >= 2 && value.every(Number.isFinite)
}

export function placesOf(value: unknown): Position[] {
  return Array.isArray(value) ? value.filter(isPlace) : []
}

function geometryOf(widget: Widget, value: unknown): Geometry | null {
  if (widget === 'point' && isPlace(value)) return { type: 'Point', coordinates: value }
  const places = placesOf(value)
  if (widget === 'line' && places.length > 1) return { type: 'LineString', coordinates: places }
  if (widget === 'polygon' && places.length > 2)
    return { type: 'Polygon', coordinates: [[...places, places[0]!]] }
  return null
}

/** What the values of a form look like on the map. */
export function shapesOf(
  parameters: Record<string, Parameter>,
  values: Record<string, unknown>,
): Geometry[] {
  return Object.entries(parameters).flatMap(
    ([name, parameter]) => geometryOf(widgetOf(flat(parameter)), values[name]) ?? [],
  )
}
