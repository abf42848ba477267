/** Themes and highlights in the language of 3D Tiles styling. */
import { Cesium3DTileStyle, Color } from 'cesium'
import type { Value } from './api'
import type { Glow } from './drawn'
import { stepsOf, UNKNOWN, type Theme } from './theme'

export const GLOW = '#ffd21f'

/** A value as a literal of the styling language. */
export function literal(value: Value): string {
  if (typeof value !== 'string') return String(value)
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

type Condition = [condition: string, color: string]

/** A colour of the screen as the shader mixes it: linear, before light falls on it. */
function paint(css: string): string {
  const { red, green, blue } = Color.fromCssColorString(css)
  const linear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  return `color('${new Color(linear(red), linear(green), linear(blue)).toCssHexString()}')`
}

/** @param named Attribute that every feature has; what has none is no feature. */
function conditions(theme: Theme, named: string): Condition[] {
  const feature = `\${${named}} !== undefined` // asked first: it is an error to compare nothing
  const value = `\${${theme.id}}`
  const unknown: Condition = [
    `${feature} && (${value} === undefined || ${value} === null)`,
    paint(UNKNOWN.color),
  ]
  if (theme.ramp)
    return [
      unknown,
      ...stepsOf(theme.ramp).map(({ color, below }): Condition => [
        below === null ? feature : `${feature} && ${value} < ${below}`,
        paint(color),
      ]),
    ]
  const known = (theme.classes ?? []).filter((one) => one.value !== null)
  return [
    unknown,
    ...known.map((one): Condition => [
      `${value} === ${literal(one.value!)}`,
      paint(one.color),
    ]),
    [feature, paint(UNKNOWN.color)],
  ]
}

/**
 * A style that leaves alone what no condition names: in Cesium a tile without features would take
 * any colour that it is given, white included, as a veil, and the same when its style is taken away.
 */
export function styleOf(
  theme: Theme | null,
  glow: Glow | null,
  named: string,
): Cesium3DTileStyle {
  const all: Condition[] = glow
    ? [[`\${${glow.attribute}} === ${literal(glow.value)}`, paint(GLOW)]]
    : []
  if (theme && (theme.ramp ?? theme.classes)) all.push(...conditions(theme, named))
  return new Cesium3DTileStyle({ color: { conditions: all.length ? all : [['false', WHITE]] } })
}

const WHITE = "color('white')"
