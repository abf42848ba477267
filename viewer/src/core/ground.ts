/** From a pixel to a place: what lies under the cursor, with the lift of the mesh taken back. */
import {
  Cartesian3,
  Cartographic,
  Cesium3DTileset,
  type Cartesian2,
  defined,
  Entity,
} from 'cesium'
import { liftAt } from './mesh'
import type { Stage } from './drawn'
import type { FeatureRef } from './point'

/** The tileset a picked thing belongs to, if any. */
export function tilesetOf(picked: unknown): Cesium3DTileset | null {
  const thing = picked as { tileset?: unknown; primitive?: unknown } | undefined
  for (const candidate of [thing?.tileset, thing?.primitive])
    if (candidate instanceof Cesium3DTileset) return candidate
  return null
}

function isMarker(picked: unknown): picked is { id: FeatureRef } {
  const id = (picked as { id?: unknown } | undefined)?.id
  return typeof id === 'object' && id !== null && 'fid' in id && 'layer' in id
}

function isDrawn(picked: unknown): boolean {
  return (picked as { id?: unknown } | undefined)?.id instanceof Entity
}

/** The shown tilesets that a click may mean. */
export interface Solids {
  meshes: readonly Cesium3DTileset[]
  /** Those with features: where a part of them is none, picking finds nothing at all. */
  labelled: readonly Cesium3DTileset[]
  clouds: readonly Cesium3DTileset[]
  /** Whether something drawn stands in space, so that what lies below it was not meant. */
  solid(picked: unknown): boolean
  /** Whether meshes let one look through them. */
  through: boolean
}

export interface Place {
  point: Cartesian3
  onMesh: Cesium3DTileset | null
  onCloud: Cesium3DTileset | null
  picked: unknown
  marker: FeatureRef | null // a point or raised building that was hit
  drawn: unknown // an entity of ours that was hit, as picked
}

/** The mesh whose unlabelled part is there: the picture has something nearer than the terrain. */
function unnamed(
  stage: Stage,
  point: Cartesian3 | undefined,
  terrain: Cartesian3 | undefined,
  labelled: readonly Cesium3DTileset[],
): Cesium3DTileset | null {
  const mesh = labelled.find(({ show }) => show)
  if (!mesh || !point) return null
  if (!terrain) return mesh
  const eye = stage.viewer.camera.positionWC
  const gap = Cartesian3.distance(eye, terrain) - Cartesian3.distance(eye, point)
  return gap > 0.02 + 1e-4 * Cartesian3.distance(eye, point) ? mesh : null
}

/** What is under a pixel of the canvas; null for the sky. */
export function placeAt(stage: Stage, pixel: Cartesian2, solids: Solids): Place | null {
  const { scene, camera } = stage.viewer
  let first: unknown = scene.pick(pixel)
  // asked before drilling, which hides things one by one and leaves the depth of the last
  const depth: Cartesian3 | undefined = scene.pickPosition(pixel)
  const ray = camera.getPickRay(pixel)
  const terrain = ray ? scene.globe.pick(ray, scene) : undefined
  const inWay = solids.through && tilesetOf(first) ? scene.drillPick(pixel, 8) : []
  first = inWay.find((one) => tilesetOf(one) === null) ?? first
  const drawn = isDrawn(first) ? first : null
  // a marker stands on something, a shape is draped on it: what lies below counts as well
  const marker = isMarker(first) ? first.id : null
  const below = marker || (drawn && !solids.solid(drawn))
  const all: unknown[] = below ? scene.drillPick(pixel, 4) : [first]
  const belongs = (to: readonly Cesium3DTileset[]) => (one: unknown) => {
    const tileset = tilesetOf(one)
    return tileset !== null && to.includes(tileset)
  }
  const mesh = all.find(belongs(solids.meshes))
  const cloud = mesh ? undefined : all.find(belongs(solids.clouds))
  const hidden = defined(first) ? null : unnamed(stage, depth, terrain, solids.labelled)
  const onMesh = tilesetOf(mesh) ?? hidden
  let point = defined(first) || hidden ? (depth ?? terrain) : terrain
  if (!point || !Number.isFinite(point.x)) return null
  if (onMesh) {
    const place = Cartographic.fromCartesian(point)
    place.height -= liftAt(stage, onMesh, Cartesian3.distance(point, camera.positionWC))
    point = Cartographic.toCartesian(place)
  }
  return { point, onMesh, onCloud: tilesetOf(cloud), picked: mesh ?? cloud ?? first, marker, drawn }
}
