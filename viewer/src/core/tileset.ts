/** Opening 3D Tiles: failures are told, and all tilesets share one memory. */
import { Cesium3DTileset } from 'cesium'
import { served } from './api'
import type { PublishedLayer, Stage } from './drawn'

/** Memory of all tilesets together, bytes; shared out among them. */
const CACHE = 512 * 1024 * 1024
const open = new Set<Cesium3DTileset>()

function shareCache(): void {
  for (const tileset of open) {
    tileset.cacheBytes = CACHE / open.size
    tileset.maximumCacheOverflowBytes = CACHE / 2 / open.size
  }
}

export async function openTileset(
  stage: Stage,
  layer: PublishedLayer,
  options: Cesium3DTileset.ConstructorOptions,
): Promise<Cesium3DTileset> {
  const { scene } = stage.viewer
  const tileset = await Cesium3DTileset.fromUrl(`${served(layer.published.url)}tileset.json`, {
    skipLevelOfDetail: false,
    preloadFlightDestinations: true,
    ...options,
  })
  tileset.tileFailed.addEventListener((failure: { url: string; message: string }) =>
    stage.faults.add(layer.id, `${failure.url}: ${failure.message}`),
  )
  open.add(tileset)
  shareCache()
  scene.primitives.add(tileset)
  return tileset
}
