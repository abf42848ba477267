/** The point of a cloud next to a place, read from the file that draws it: Cesium cannot tell. */
import { Cartesian3, Matrix4, Quaternion } from 'cesium'

interface Accessor {
  bufferView: number
  byteOffset?: number
  componentType: number
  count: number
  type: string
}

interface Document {
  accessors: Accessor[]
  bufferViews: { byteOffset?: number; byteStride?: number; extensions?: object }[]
  meshes: { primitives: { attributes: Record<string, number> }[] }[]
  nodes: { matrix?: number[]; translation?: number[]; rotation?: number[]; scale?: number[] }[]
}

/** glTF has y up, tiles have z up. */
const Z_UP = new Matrix4(1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1)

/** What of a picked point's content is needed. */
export interface Content {
  url: string
  tile: { computedTransform: Matrix4 }
}

type Read = (view: DataView, at: number) => number
const READERS: Record<number, [size: number, read: Read]> = {
  5120: [1, (view, at) => view.getInt8(at)],
  5121: [1, (view, at) => view.getUint8(at)],
  5122: [2, (view, at) => view.getInt16(at, true)],
  5123: [2, (view, at) => view.getUint16(at, true)],
  5125: [4, (view, at) => view.getUint32(at, true)],
  5126: [4, (view, at) => view.getFloat32(at, true)],
}

/** Reads element `index`, component `k` of an accessor; null if it is compressed. */
function columnOf(document: Document, binary: DataView, number: number | undefined) {
  const accessor = number === undefined ? undefined : document.accessors[number]
  const view = accessor && document.bufferViews[accessor.bufferView]
  const reader = accessor && READERS[accessor.componentType]
  if (!view || !reader || view.extensions) return null
  const [size, read] = reader
  const stride = view.byteStride ?? size * (accessor.type === 'VEC3' ? 3 : 1)
  const start = (view.byteOffset ?? 0) + (accessor.byteOffset ?? 0)
  return {
    count: accessor.count,
    at: (index: number, k = 0) => read(binary, start + index * stride + k * size),
  }
}

function matrixOf({ matrix, translation, rotation, scale }: Document['nodes'][number]): Matrix4 {
  if (matrix) return Matrix4.fromArray(matrix)
  return Matrix4.fromTranslationQuaternionRotationScale(
    Cartesian3.fromArray(translation ?? [0, 0, 0]),
    Quaternion.unpack(rotation ?? [0, 0, 0, 1]),
    Cartesian3.fromArray(scale ?? [1, 1, 1]),
  )
}

/**
 * Attributes of the point nearest to a place (ECEF, m); empty where the file is compressed.
 *
 * @param names Attributes wanted.
 */
export async function nearestPoint(
  content: Content,
  place: Cartesian3,
  names: string[],
): Promise<Record<string, number>> {
  const file = await (await fetch(content.url)).arrayBuffer() // from the browser's cache
  const length = new DataView(file).getUint32(12, true)
  const text = new TextDecoder().decode(new Uint8Array(file, 20, length))
  const document = JSON.parse(text) as Document
  const binary = new DataView(file, 28 + length)
  const attributes = document.meshes[0]?.primitives[0]?.attributes ?? {}
  const positions = columnOf(document, binary, attributes.POSITION)
  if (!positions) return {}
  const whole = Matrix4.multiply(
    content.tile.computedTransform,
    Matrix4.multiply(Z_UP, matrixOf(document.nodes[0] ?? {}), new Matrix4()),
    new Matrix4(),
  )
  const inverse = Matrix4.inverse(whole, new Matrix4())
  const { x, y, z } = Matrix4.multiplyByPoint(inverse, place, new Cartesian3())
  let best = -1
  let least = Infinity
  for (let i = 0; i < positions.count; i++) {
    const [dx, dy, dz] = [positions.at(i) - x, positions.at(i, 1) - y, positions.at(i, 2) - z]
    const square = dx * dx + dy * dy + dz * dz
    if (square < least) [least, best] = [square, i]
  }
  const told = names.map((name) => {
    const column = columnOf(document, binary, attributes[`_${name.toUpperCase()}`])
    return column && best >= 0 ? [[name, column.at(best)] as const] : []
  })
  return Object.fromEntries(told.flat())
}
