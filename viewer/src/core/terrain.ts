/**
 * The ground: quantized mesh with ellipsoidal heights. One at a time.
 *
 * Terrain that was joined to a mesh (`cim join`) has a second pyramid, led to the mesh's border and
 * below it. It shows while that mesh does; without the mesh, or when the user wishes, the bare one.
 */
import { CesiumTerrainProvider, EllipsoidTerrainProvider, type TerrainProvider } from 'cesium'
import { served } from './api'
import type { Drawn, PublishedLayer, Stage } from './drawn'

const flat = new EllipsoidTerrainProvider()

async function open(stage: Stage, layer: PublishedLayer, folder = ''): Promise<TerrainProvider> {
  const url = `${served(layer.published.url)}${folder}`
  const provider = await CesiumTerrainProvider.fromUrl(url, { requestVertexNormals: true })
  provider.errorEvent.addEventListener((error: { message: string }) =>
    stage.faults.add(layer.id, error.message),
  )
  return provider
}

export async function drawTerrain(stage: Stage, layer: PublishedLayer): Promise<Drawn> {
  const { viewer, footing } = stage
  const { joined, mesh } = layer.published.media
  const bare = await open(stage, layer)
  const fitted = joined && mesh ? await open(stage, layer, joined) : bare
  let current = bare
  let visible = false
  const use = () => {
    viewer.terrainProvider = current
    footing.bare = bare
    footing.mesh = current === bare ? null : mesh!.layer
  }
  return {
    setShown: (shown) => {
      visible = shown
      if (shown) use()
      else if (viewer.terrainProvider === current) {
        viewer.terrainProvider = flat
        footing.bare = footing.mesh = null
      }
    },
    setFitted: (wanted) => {
      const chosen = wanted ? fitted : bare
      if (chosen === current) return
      current = chosen
      if (visible) use()
    },
    setOpacity: (opacity) => {
      const { translucency } = viewer.scene.globe
      translucency.enabled = opacity < 0.995
      translucency.frontFaceAlpha = opacity
      translucency.backFaceAlpha = opacity
    },
  }
}
