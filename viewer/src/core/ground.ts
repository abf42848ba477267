/** From a pixel to a place: what lies under the cursor, with the lift of the mesh taken back. */
import { Cartesian3, Cartographic, Cesium3DTileset, type Cartesian2, defined } from 'cesium'
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

export interface Place {
  point: Cartesian3
  onMesh: Cesium3DTileset | null
  picked: unknown
  marker: FeatureRef | null // a point or raised building that was hit
}

/** What is under a pixel of the canvas; null for the sky. */
export function placeAt(
  stage: Stage,
  pixel: Cartesian2,
  meshes: readonly Cesium3DTileset[],
): Place | null {
  const { scene, camera } = stage.viewer
  const first: unknown = scene.pick(pixel)
  // asked before drilling, which hides things one by one and leaves the depth of the last
  let point: Cartesian3 | undefined = defined(first) ? scene.pickPosition(pixel) : undefined
  // a marker stands on something: what lies below it counts as well
  const marker = isMarker(first) ? first.id : null
  const all: unknown[] = marker ? scene.drillPick(pixel, 4) : [first]
  const mesh = all.find((one) => {
    const tileset = tilesetOf(one)
    return tileset !== null && meshes.includes(tileset)
  })
  const onMesh = tilesetOf(mesh)
  if (!point) {
    const ray = camera.getPickRay(pixel)
    point = ray ? scene.globe.pick(ray, scene) : undefined
  }
  if (!point || !Number.isFinite(point.x)) return null
  if (onMesh) {
    const place = Cartographic.fromCartesian(point)
    place.height -= liftAt(stage, Cartesian3.distance(point, camera.positionWC))
    point = Cartographic.toCartesian(place)
  }
  return { point, onMesh, picked: mesh ?? first, marker }
}
