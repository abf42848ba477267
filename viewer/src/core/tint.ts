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

function conditions(theme: Theme): Condition[] {
  const value = `\${${theme.id}}`
  // asked first: comparing what is not there with a number is an error
  const unknown: Condition = [
    `${value} === undefined || ${value} === null`,
    paint(UNKNOWN.color),
  ]
  if (theme.ramp)
    return [
      unknown,
      ...stepsOf(theme.ramp).map(({ color, below }): Condition => [
        below === null ? 'true' : `${value} < ${below}`,
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
    ['true', paint(UNKNOWN.color)],
  ]
}

/** White leaves a feature as it is, and so does having no feature at all. */
export function styleOf(theme: Theme | null, glow: Glow | null): Cesium3DTileStyle | undefined {
  const coloured = theme && (theme.ramp ?? theme.classes) ? conditions(theme) : []
  if (!coloured.length && !glow) return undefined
  const all: Condition[] = glow
    ? [[`\${${glow.attribute}} === ${literal(glow.value)}`, paint(GLOW)], ...coloured]
    : coloured
  return new Cesium3DTileStyle({ color: { conditions: [...all, ['true', "color('white')"]] } })
}
