/**
 * Many lines and areas as pictures draped on ground and meshes: a frame costs the same however many
 * there are, where each draped entity costs its own.
 */
import { ImageryLayer, type ImageryTypes, Rectangle, UrlTemplateImageryProvider } from 'cesium'
import type { Bbox, Feature, Geometry, Position } from './api'
import { styleOf, type Style } from './paint'
import { bboxOf } from './shape'

const FINEST = 20

/** How a picture is cut: pixels that a tile has, and those that Cesium is told it has. */
interface Cut {
  size: number
  told: number
}

/** A mesh asks for tiles that fit the screen. */
export const ON_MESH: Cut = { size: 512, told: 512 }

/** Terrain asks for tiles as coarse as itself, several pixels of the screen to one of theirs. */
export const ON_GROUND: Cut = { size: 256, told: 64 }

/** A place on the unit square of Web Mercator, y down. */
function onSquare([lon = 0, lat = 0]: Position): [number, number] {
  const s = Math.sin((lat * Math.PI) / 180)
  return [lon / 360 + 0.5, 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)]
}

interface Item {
  style: Style
  lines: [number, number][][]
  areas: [number, number][][][]
  box: [number, number, number, number] // on the square: left, top, right, bottom
}

function partsOf(geometry: Geometry): { lines: Position[][]; areas: Position[][][] } {
  switch (geometry.type) {
    case 'LineString':
      return { lines: [geometry.coordinates], areas: [] }
    case 'MultiLineString':
      return { lines: geometry.coordinates, areas: [] }
    case 'Polygon':
      return { lines: [], areas: [geometry.coordinates] }
    case 'MultiPolygon':
      return { lines: [], areas: geometry.coordinates }
    case 'GeometryCollection': {
      const parts = geometry.geometries.map(partsOf)
      return { lines: parts.flatMap((p) => p.lines), areas: parts.flatMap((p) => p.areas) }
    }
    default:
      return { lines: [], areas: [] }
  }
}

function itemOf(feature: Feature): Item {
  const { lines, areas } = partsOf(feature.geometry!)
  const [west, south, east, north] = bboxOf(feature.geometry!)
  const [left, bottom] = onSquare([west, south])
  const [right, top] = onSquare([east, north])
  return {
    style: styleOf(feature),
    lines: lines.map((path) => path.map(onSquare)),
    areas: areas.map((rings) => rings.map((ring) => ring.map(onSquare))),
    box: [left, top, right, bottom],
  }
}

/** Imagery that draws these features, to be put above the ground's pictures, and on each mesh. */
export function canvasOf(features: Feature[], extent: Bbox): (cut: Cut) => ImageryLayer {
  const items = features.map(itemOf)
  const air = 0.0005 // degrees: lines are wider than nothing
  const [west, south, east, north] = extent
  return ({ size, told }) => {
    const provider = new UrlTemplateImageryProvider({
      url: '{z}/{x}/{y}', // never fetched
      rectangle: Rectangle.fromDegrees(west - air, south - air, east + air, north + air),
      tileWidth: told,
      tileHeight: told,
      maximumLevel: FINEST,
    })
    provider.requestImage = (x, y, level) => Promise.resolve(tile(items, x, y, level, size))
    return new ImageryLayer(provider)
  }
}

function tile(items: Item[], x: number, y: number, level: number, size: number): ImageryTypes {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size
  const context = canvas.getContext('2d')!
  const count = 2 ** level
  const [left, top, side] = [x / count, y / count, 1 / count]
  const air = (16 / size) * side
  context.lineJoin = context.lineCap = 'round'
  for (const { style, lines, areas, box } of items) {
    const outside =
      box[2] < left - air || box[0] > left + side + air || box[3] < top - air || box[1] > top + side + air
    if (outside) continue
    const trace = (path: [number, number][]) =>
      path.forEach(([px, py], i) => {
        const at = [((px - left) / side) * size, ((py - top) / side) * size] as const
        if (i) context.lineTo(...at)
        else context.moveTo(...at)
      })
    context.strokeStyle = style.color
    context.lineWidth = style.width * 1.5
    context.setLineDash(style.dash ? [style.width * 4, style.width * 4] : [])
    for (const rings of areas) {
      context.beginPath()
      for (const ring of rings) trace(ring)
      context.closePath()
      if (style.fill) {
        context.fillStyle = style.fill
        context.fill('evenodd')
      }
      context.stroke()
    }
    for (const path of lines) {
      context.beginPath()
      trace(path)
      context.stroke()
    }
  }
  return canvas
}
