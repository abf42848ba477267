/** The ground: quantized mesh with ellipsoidal heights. One at a time. */
import { CesiumTerrainProvider, EllipsoidTerrainProvider, type TerrainProvider } from 'cesium'
import { served } from './api'
import type { Drawn, PublishedLayer, Stage } from './drawn'

const flat = new EllipsoidTerrainProvider()

export async function drawTerrain(stage: Stage, layer: PublishedLayer): Promise<Drawn> {
  const { viewer } = stage
  const provider: TerrainProvider = await CesiumTerrainProvider.fromUrl(
    served(layer.published.url),
    { requestVertexNormals: true },
  )
  provider.errorEvent.addEventListener((error: { message: string }) =>
    stage.faults.add(layer.id, error.message),
  )
  return {
    setShown: (shown) => {
      if (shown) viewer.terrainProvider = provider
      else if (viewer.terrainProvider === provider) viewer.terrainProvider = flat
    },
    setOpacity: (opacity) => {
      const { translucency } = viewer.scene.globe
      translucency.enabled = opacity < 0.995
      translucency.frontFaceAlpha = opacity
      translucency.backFaceAlpha = opacity
    },
  }
}
