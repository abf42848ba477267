/** Points with names: markers that stand on whatever is drawn below them. */
import {
  BillboardCollection,
  Cartesian2,
  Cartesian3,
  Color,
  DistanceDisplayCondition,
  HeightReference,
  HorizontalOrigin,
  LabelCollection,
  LabelStyle,
  NearFarScalar,
  VerticalOrigin,
} from 'cesium'
import { api, type Feature, type Position, type Style } from './api'
import type { Drawn, PublishedLayer, Stage } from './drawn'
import { FONT } from './stage'

/** More points than this are not fetched one by one; the tree says so. */
export const MOST_POINTS = 5000

export interface FeatureRef {
  layer: string
  fid: number
}

function places(feature: Feature): Position[] {
  const { geometry } = feature
  if (geometry?.type === 'Point') return [geometry.coordinates]
  if (geometry?.type === 'MultiPoint') return geometry.coordinates
  return []
}

export function colourOf(style: Style, properties: Record<string, unknown>): string {
  const value = style.field ? properties[style.field] : undefined
  const item =
    style.legend.find((entry) => entry.value != null && entry.value === String(value)) ??
    style.legend.find((entry) => entry.value == null)
  return item?.color ?? style.color
}

const markers = new Map<string, HTMLCanvasElement>()

/** A disc with a white rim and a soft shadow, drawn once per colour and size. */
function marker(css: string, size: number): HTMLCanvasElement {
  const key = `${css} ${size}`
  const known = markers.get(key)
  if (known) return known
  const scale = 2
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = (size + 8) * scale
  const context = canvas.getContext('2d')!
  context.scale(scale, scale)
  const middle = (size + 8) / 2
  context.shadowColor = 'rgba(0,0,0,.55)'
  context.shadowBlur = 5
  context.fillStyle = '#fff'
  context.beginPath()
  context.arc(middle, middle, size / 2, 0, 2 * Math.PI)
  context.fill()
  context.shadowBlur = 0
  context.fillStyle = css
  context.beginPath()
  context.arc(middle, middle, size / 2 - 1.8, 0, 2 * Math.PI)
  context.fill()
  markers.set(key, canvas)
  return canvas
}

export async function fetchAll(layer: string): Promise<Feature[]> {
  const all: Feature[] = []
  for (;;) {
    const page = await api.features(layer, { limit: 1000, offset: all.length })
    all.push(...page.features)
    const matched = page.numberMatched ?? all.length
    if (!page.features.length || all.length >= Math.min(matched, MOST_POINTS)) return all
  }
}

export async function drawPoints(stage: Stage, layer: PublishedLayer): Promise<Drawn> {
  const { scene } = stage.viewer
  const { style } = layer
  const billboards = new BillboardCollection({ scene })
  const labels = new LabelCollection({ scene })
  const size = Math.min(Math.max(style.width, 9), 22)
  for (const feature of await fetchAll(layer.id)) {
    const id: FeatureRef = { layer: layer.id, fid: feature.id ?? -1 }
    for (const [lon = 0, lat = 0] of places(feature)) {
      const position = Cartesian3.fromDegrees(lon, lat)
      billboards.add({
        position,
        id,
        image: marker(colourOf(style, feature.properties), size) as unknown as string,
        scale: 0.5,
        heightReference: HeightReference.CLAMP_TO_GROUND,
        scaleByDistance: new NearFarScalar(300, 1, 20000, 0.55),
        disableDepthTestDistance: 1500,
      })
      const name = style.label_field ? feature.properties[style.label_field] : null
      if (name == null || name === '') continue
      labels.add({
        position,
        id,
        text: String(name),
        font: `500 26px ${FONT}`,
        scale: 0.5,
        fillColor: Color.WHITE,
        outlineColor: Color.fromCssColorString('#0b1420'),
        outlineWidth: 5,
        style: LabelStyle.FILL_AND_OUTLINE,
        pixelOffset: new Cartesian2(0, -size / 2 - 5),
        horizontalOrigin: HorizontalOrigin.CENTER,
        verticalOrigin: VerticalOrigin.BOTTOM,
        heightReference: HeightReference.CLAMP_TO_GROUND,
        disableDepthTestDistance: 1500,
        distanceDisplayCondition: new DistanceDisplayCondition(0, labelReach(layer)),
      })
    }
  }
  scene.primitives.add(billboards)
  scene.primitives.add(labels)
  stage.labels.add(labels)
  return {
    setShown: (shown) => {
      billboards.show = labels.show = shown
      stage.labels.tidySoon()
    },
    setOpacity: (opacity) => {
      for (let i = 0; i < billboards.length; i++)
        billboards.get(i).color = Color.WHITE.withAlpha(opacity)
    },
  }
}

/** Few points keep their names in sight from afar; many only close by, m. */
function labelReach(layer: PublishedLayer): number {
  const count = layer.published.count ?? 0
  return count > 200 ? 700 : count > 40 ? 2500 : 15000
}
