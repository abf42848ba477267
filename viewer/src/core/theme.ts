/** What a mesh with features, or points, can be coloured by, and the legends for it. */
import type { Attribute, Field, Layer, LegendItem, Titled, Value } from './api'
import type { PublishedLayer } from './drawn'

/** A class of a legend: features with this value; null stands for all that is not known. */
export interface Swatch extends Titled {
  color: string
  value: Value | null
}

/** Equal steps from min to max. */
export interface Ramp {
  min: number
  max: number
  unit: string
  colors: string[]
}

export interface Theme extends Titled {
  /** An attribute's name, or one of the ids below that are no attributes. */
  id: string
  classes?: Swatch[]
  ramp?: Ramp
}

export const PLAIN = '@plain' // as delivered: texture, or one colour
export const RGB = '@rgb'
export const HEIGHT = '@height'

export const UNKNOWN: Swatch = {
  color: '#8d949c',
  value: null,
  title: '不详',
  title_en: 'Unknown',
}

const PALETTE = [
  '#4e9bd3', '#f2b447', '#59a86b', '#d9605a', '#9a7fc9', '#3fb5b0', '#e58fb5', '#a98563',
  '#b9c34f', '#6f7fd0', '#e88b4d', '#7fb3c8',
] // prettier-ignore

/** Five steps of viridis, the even ramp of matplotlib. */
const STEPS = ['#46327e', '#31688e', '#1fa187', '#7ad151', '#fde725']

/** More whole numbers than this are a quantity, not names. */
const FEW = 8

/** ASPRS LAS 1.4 R15, table 17: English titles and colours of the classes in use. */
const ASPRS: Record<number, [title: string, color: string]> = {
  0: ['Never classified', '#a0a6ad'],
  1: ['Unassigned', '#b9bec4'],
  2: ['Ground', '#b08a5e'],
  3: ['Low vegetation', '#b5d56a'],
  4: ['Medium vegetation', '#74b843'],
  5: ['High vegetation', '#2f8f3a'],
  6: ['Building', '#e0674b'],
  7: ['Low noise', '#ff4fd8'],
  9: ['Water', '#4a90d9'],
  10: ['Rail', '#8e6bbf'],
  11: ['Road surface', '#757b85'],
  13: ['Wire guard', '#ffd54a'],
  14: ['Wire conductor', '#ffb300'],
  15: ['Transmission tower', '#d48806'],
  16: ['Wire connector', '#a86b00'],
  17: ['Bridge deck', '#c7c1e8'],
  18: ['High noise', '#ff8ae2'],
}

/** Attributes that the readers make themselves. */
const ENGLISH: Record<string, string> = {
  intensity: 'Intensity',
  classification: 'Classification',
  return_number: 'Return number',
  model_height: 'Modelled height',
  model_height_by: 'Height taken from',
  model_ground: 'Modelled ground elevation',
  roof_area: 'Roof area',
  wall_area: 'Wall area',
  ground_area: 'Ground area',
  volume: 'Volume',
  row: 'Row',
}

/** The field of a layer that means the same as an attribute of a mesh. */
function fieldOf(attribute: Attribute, layer: Layer, layers: Layer[]): [Field, Layer] | null {
  const features = layer.published?.media.features
  const kin = typeof features === 'object' ? features.layer : layer.id
  for (const other of [layer, ...layers.filter(({ id }) => id === kin)]) {
    const same = other.fields.find(({ name }) => name === attribute.name)
    if (same) return [same, other]
  }
  if (layer.kind !== 'mesh') return null
  for (const other of layers.filter(({ style }) => style.height_field)) {
    const same = other.fields.find(
      ({ title, aliases }) => title === attribute.title || aliases?.includes(attribute.title),
    )
    if (same) return [same, other]
  }
  return null
}

/** The attributes of a mesh or cloud as fields, with the titles that layers have declared. */
export function fieldsOf(layer: Layer, layers: Layer[]): Field[] {
  return (layer.published?.media.attributes ?? []).map((attribute) => {
    const known = fieldOf(attribute, layer, layers)?.[0]
    return {
      name: attribute.name,
      title: known?.title ?? attribute.title,
      title_en: known?.title_en || ENGLISH[attribute.name] || '',
      type: attribute.type,
      unit: attribute.unit || known?.unit || '',
    }
  })
}

function legendOf(attribute: Attribute, layer: Layer, layers: Layer[]): LegendItem[] {
  const known = fieldOf(attribute, layer, layers)
  if (!known || known[1].style.field !== known[0].name) return []
  return known[1].style.legend.filter(({ value }) => value != null)
}

function classesOf(attribute: Attribute, declared: LegendItem[]): Swatch[] {
  const asprs = attribute.name === 'classification'
  const swatches = (attribute.values ?? []).map((value, i): Swatch => {
    const item = declared.find((one) => one.value === String(value))
    const known = asprs ? ASPRS[Number(value)] : undefined
    const hue = (i * 137.5) % 360 // the golden angle keeps neighbours apart
    return {
      value,
      title: item?.title ?? attribute.titles?.[i] ?? String(value),
      title_en: item?.title_en || known?.[0] || String(value),
      color: item?.color ?? known?.[1] ?? PALETTE[i] ?? wheel(hue),
    }
  })
  return [...swatches, UNKNOWN]
}

/** #rrggbb of a hue in degrees, at half saturation. */
function wheel(hue: number): string {
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12
    const light = 0.6 - 0.22 * Math.max(-1, Math.min(k - 3, 9 - k, 1))
    return Math.round(light * 255).toString(16).padStart(2, '0')
  }
  return `#${channel(0)}${channel(8)}${channel(4)}`
}

function isQuantity(attribute: Attribute): boolean {
  if (attribute.titles || attribute.min === undefined || attribute.max === undefined) return false
  if (attribute.min >= attribute.max) return false
  return attribute.type === 'real' || (attribute.values?.length ?? Infinity) > FEW
}

function themeOf(attribute: Attribute, field: Field, layer: Layer, layers: Layer[]): Theme | null {
  const { name: id, title, title_en, unit } = field
  const head = { id, title, ...(title_en && { title_en }) }
  if (isQuantity(attribute)) {
    const { min = 0, max = 0 } = attribute
    return { ...head, ramp: { min, max, unit, colors: STEPS } }
  }
  if (!attribute.values?.length) return null
  return { ...head, classes: classesOf(attribute, legendOf(attribute, layer, layers)) }
}

/** Everything a layer can be coloured by, its first look first; empty where there is no choice. */
export function themesOf(layer: PublishedLayer, layers: Layer[]): Theme[] {
  const { media, heights } = layer.published
  const attributes = media.attributes ?? []
  if (layer.kind === 'mesh' ? !media.features : layer.kind !== 'points') return []
  const fields = fieldsOf(layer, layers)
  const row = (name: string) => name === 'row' || name === media.id
  const own = attributes.flatMap((attribute, i) =>
    row(attribute.name) ? [] : (themeOf(attribute, fields[i]!, layer, layers) ?? []),
  )
  if (layer.kind === 'mesh') {
    const texture = { id: PLAIN, title: '原貌', title_en: 'As delivered' }
    return own.length ? [texture, ...own] : []
  }
  const first = media.colored
    ? { id: RGB, title: '真彩色', title_en: 'True colour' }
    : { id: PLAIN, title: '单色', title_en: 'One colour' }
  const [low, high] = heights ?? [0, 100]
  const ramp: Ramp = { min: low, max: Math.max(high, low + 1), unit: 'm', colors: STEPS }
  return [first, { id: HEIGHT, title: '高程', title_en: 'Elevation', ramp }, ...own]
}

/** The look at first show: by the declared style, else as delivered. */
export function firstTheme(layer: PublishedLayer, themes: Theme[], layers: Layer[]): string {
  const { media } = layer.published
  const plain = themes[0]?.id ?? PLAIN
  if (layer.kind === 'points' && !media.colored)
    return themes.find(({ id }) => id === 'classification')?.id ?? HEIGHT
  if (layer.kind !== 'mesh' || media.features !== true || media.colored) return plain
  const legend = media.attributes?.find((one) => legendOf(one, layer, layers).length)
  return themes.find(({ id }) => id === legend?.name)?.id ?? plain
}

/** Colour of a step, and where it ends; `null` ends nowhere. */
export function stepsOf({ min, max, colors }: Ramp): { color: string; below: number | null }[] {
  const width = (max - min) / colors.length
  return colors.map((color, i) => ({
    color,
    below: i === colors.length - 1 ? null : min + width * (i + 1),
  }))
}
