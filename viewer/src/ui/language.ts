/** The two languages of the screen, and titles that come with the data. */
import { createI18n } from 'vue-i18n'
import type { Titled } from '../core/api'
import { en } from './en'
import { zh } from './zh'

export type Lang = 'zh' | 'en'

export const i18n = createI18n({
  legacy: false,
  locale: 'zh',
  fallbackLocale: 'zh',
  messages: { zh, en },
})

export function lang(): Lang {
  return i18n.global.locale.value as Lang
}

export function setLang(value: string | undefined): void {
  if (value !== 'zh' && value !== 'en') return
  i18n.global.locale.value = value
  document.documentElement.lang = value === 'zh' ? 'zh-CN' : 'en'
}

/** The title of a layer, field, figure… in the language of the screen. */
export function titleOf(thing: Titled): string {
  return (lang() === 'en' && thing.title_en) || thing.title
}

/** Data classes of CJJ/T 315 in English; the Chinese name is the key in the data. */
const CLASSES: Record<string, string> = {
  时空基础: 'Spatio-temporal base',
  资源调查: 'Resource survey',
  规划管控: 'Planning control',
  工程建设项目: 'Construction projects',
  公共专题: 'Public topics',
  物联感知: 'Sensing',
  CIM成果: 'CIM products',
}

export const CLASS_ORDER = Object.keys(CLASSES)

export function classTitle(name: string): string {
  return lang() === 'en' ? (CLASSES[name] ?? name) : name
}

/** UCUM codes that people write otherwise. */
const UNITS: Record<string, string> = {
  deg: '°',
  m2: 'm²',
  m3: 'm³',
  km2: 'km²',
  hm2: 'hm²',
  'm2/m2': '',
  'm3/d': 'm³/d',
  'm3/h': 'm³/h',
  '[ppth]': '‰',
  '1': '',
}

/** UCUM codes that are words: Chinese, English. */
const WORDS: Record<string, [string, string]> = {
  a: ['年', 'years'],
  d: ['天', 'days'],
  h: ['小时', 'h'],
  min: ['分钟', 'min'],
  har: ['公顷', 'ha'],
  '{mu}': ['亩', 'mu'],
  'm/min': ['米/分钟', 'm/min'],
  'mm/d': ['毫米/天', 'mm/d'],
  '{person}': ['人', 'persons'],
  '{storey}': ['层', 'storeys'],
  '{floor}': ['层', 'floors'],
  '{household}': ['户', 'households'],
}

export function unitOf(unit: string | null | undefined): string {
  if (!unit) return ''
  const words = WORDS[unit]
  if (words) return words[lang() === 'en' ? 1 : 0]
  return UNITS[unit] ?? unit.replace(/[{}]/g, '')
}

/** Words in both languages, `污水 sewage`: what follows the Chinese has no digit and no code. */
const BOTH = /^(.*[\u3000-\u9fff\uff00-\uffef]) (no|[A-Za-z][A-Za-z ,;:.'()/-]*[a-z.)]{2})$/s

/** What answers say in both languages, in the language of the screen. */
export function spoken(text: string): string {
  const both = BOTH.exec(text)
  return both ? both[lang() === 'en' ? 2 : 1]! : text
}

/** A number with at most `digits` decimals and thousands apart. */
export function figure(value: number, digits = 2): string {
  return value.toLocaleString(lang() === 'zh' ? 'zh-CN' : 'en-US', {
    maximumFractionDigits: digits,
  })
}

/** A value as a person reads it: no digits that nobody measured, areas and volumes in fit units. */
export function told(value: number, unit: string | null | undefined): { value: string; unit: string } {
  const size = Math.abs(value)
  if (unit === 'm2' && size >= 1e6) return told(value / 1e6, 'km2')
  if (unit === 'm3' && size >= 1e6 && lang() === 'zh')
    return { value: figure(value / 1e4, 1), unit: '万 m³' }
  if (unit === 'm' && size >= 1e4) return told(value / 1e3, 'km')
  const digits = unit === 'deg' ? 6 : size >= 10_000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3
  const shown = figure(value, digits).replace(/^-(?=[0.]+$)/, '') // -0 is 0
  return { value: shown, unit: unitOf(unit) }
}

/** A length in metres, or in kilometres where metres have five digits. */
export function length(metres: number): string {
  return Math.abs(metres) >= 10_000 ? `${figure(metres / 1000, 3)} km` : `${figure(metres)} m`
}

export function area(squareMetres: number): string {
  return squareMetres >= 1_000_000
    ? `${figure(squareMetres / 1_000_000, 4)} km²`
    : `${figure(squareMetres, 1)} m²`
}

/** Local time of the city: China has one, UTC+8, all year. */
const BEIJING = 8 * 3_600_000

/** An instant as people read it: `2026-07-20 08:00:00`; empty where it is none. */
export function beijing(instant: unknown): string {
  const zoned = (text: string) => (/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}+08:00`)
  const time = typeof instant === 'string' ? Date.parse(zoned(instant)) : Number(instant ?? NaN)
  if (!Number.isFinite(time)) return ''
  return new Date(time + BEIJING).toISOString().slice(0, 19).replace('T', ' ')
}

/** The instant of a local time; undefined where there is none. */
export function instant(local: unknown): string | undefined {
  return typeof local === 'string' && local ? `${local.replace(' ', 'T')}+08:00` : undefined
}
