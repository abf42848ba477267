/** The thing itself that was clicked: a building of a labelled mesh, a model, a point. */
import { Cesium3DTileFeature } from 'cesium'
import { api, type Feature, type Field, type Value } from './api'
import type { Glow, PublishedLayer } from './drawn'
import type { Place } from './ground'
import type { LayerStack } from './layers'
import { nearestPoint, type Content } from './nearest'
import { fieldsOf } from './theme'

/** How a found thing was told: by a label on the mesh, its own table, or a point. */
export type Origin = 'label' | 'model' | 'point' | 'result'

export interface Found {
  layer: string
  feature: Feature
  /** What the attributes are, where the layer's own fields do not say. */
  fields?: Field[]
  origin?: Origin
  /** It stands in space: a glow on the ground would be elsewhere. */
  solid?: boolean
  /** The mesh on which it can be made to stand out, and how. */
  glow?: Glow & { mesh: string }
}

function isValue(value: unknown): value is Value {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

function propertiesOf(picked: Cesium3DTileFeature): Record<string, unknown> {
  return Object.fromEntries(
    picked.getPropertyIds().map((name: string) => [name, picked.getProperty(name) ?? null]),
  )
}

/** The feature of the footprint layer that a label means; null if the layer has it no more. */
async function behind(
  stack: LayerStack,
  features: { layer: string; version: number; key: string },
  properties: Record<string, unknown>,
): Promise<Feature | null> {
  const { layer, version, key } = features
  const value = properties[key === 'row' ? 'row' : key]
  const same = (feature: Feature) => key === 'row' || feature.properties[key] === value
  if (stack.get(layer)?.published.version === version && isValue(properties.row)) {
    const feature = await api.feature(layer, Number(properties.row)).catch(() => null)
    if (feature && same(feature)) return feature
  }
  if (key === 'row' || !isValue(value)) return null
  const page = await api.features(layer, { q: String(value), limit: 20 }).catch(() => null)
  return page?.features.find(same) ?? null
}

async function building(
  stack: LayerStack,
  layer: PublishedLayer,
  picked: Cesium3DTileFeature,
): Promise<Found> {
  const properties = propertiesOf(picked)
  const { features, id = 'row' } = layer.published.media
  const key = typeof features === 'object' ? features.key : id
  const value = properties[key]
  const glow = isValue(value) && { glow: { mesh: layer.id, attribute: key, value } }
  const feature = typeof features === 'object' && (await behind(stack, features, properties))
  if (feature && typeof features === 'object')
    return { layer: features.layer, feature, origin: 'label', ...glow }
  return {
    layer: layer.id,
    feature: { type: 'Feature', geometry: null, properties },
    fields: fieldsOf(layer, stack.all),
    origin: typeof features === 'object' ? 'label' : 'model',
    ...glow,
  }
}

async function pointAt(stack: LayerStack, layer: PublishedLayer, place: Place): Promise<Found> {
  const attributes = layer.published.media.attributes ?? []
  const { content } = place.picked as { content: Content }
  const names = attributes.map(({ name }) => name)
  const told = await nearestPoint(content, place.point, names)
  const properties = Object.fromEntries(
    attributes.map(({ name, values, titles }) => {
      const value = told[name] ?? null
      const title = value === null ? undefined : titles?.[values?.indexOf(value) ?? -1]
      return [name, title ? `${value} ${title}` : value]
    }),
  )
  return {
    layer: layer.id,
    feature: { type: 'Feature', geometry: null, properties },
    fields: fieldsOf(layer, stack.all),
    origin: 'point',
  }
}

/** What was hit, if it can tell what it is. */
export async function entityAt(stack: LayerStack, place: Place): Promise<Found | null> {
  const owner = (tileset: unknown) =>
    [...stack.tilesetsOf('mesh'), ...stack.tilesetsOf('points')].find(
      (one) => one.tileset === tileset,
    )?.layer
  if (place.onCloud) {
    const layer = owner(place.onCloud)
    return layer ? pointAt(stack, layer, place) : null
  }
  const layer = owner(place.onMesh)
  if (!layer?.published.media.features || !(place.picked instanceof Cesium3DTileFeature))
    return null
  return building(stack, layer, place.picked)
}
