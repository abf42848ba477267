/** Oblique photogrammetry: 3D Tiles that win against the terrain they stand on. */
import { Cesium3DTileset, Cesium3DTileStyle, CustomShader, UniformType } from 'cesium'
import { served } from './api'
import type { Drawn, PublishedLayer, Stage } from './drawn'

/**
 * The terrain is drawn with an error of a few pixels, so far from the camera it would poke through
 * a mesh it agrees with. Each vertex is therefore lifted by exactly that allowed error: LIFT metres
 * per metre of distance to the camera. `unlift` takes it back from picked heights.
 */
function liftPerMetre({ viewer }: Stage): number {
  const { scene } = viewer
  const { frustum } = scene.camera
  const fovy = 'fovy' in frustum ? (frustum.fovy as number) : 1
  const pixel = (2 * Math.tan(fovy / 2)) / Math.max(scene.drawingBufferHeight, 1)
  return Math.min(scene.globe.maximumScreenSpaceError * pixel, 0.02)
}

const VERTEX = `
void vertexMain(VertexInput vsInput, inout czm_modelVertexOutput vsOutput) {
  vec3 p = vsOutput.positionMC;
  float far = length((czm_modelView * vec4(p, 1.0)).xyz);
  vec3 up = normalize((czm_model * vec4(p, 1.0)).xyz);
  vsOutput.positionMC = p + (czm_inverseModel * vec4(up, 0.0)).xyz * far * u_lift;
}`

/** Memory of all meshes together, bytes; shared out among them. */
const CACHE = 512 * 1024 * 1024
const open = new Set<Cesium3DTileset>()

function shareCache(): void {
  for (const tileset of open) {
    tileset.cacheBytes = CACHE / open.size
    tileset.maximumCacheOverflowBytes = CACHE / 2 / open.size
  }
}

/** Height error that lifting adds at a picked place, m. */
export function liftAt(stage: Stage, distance: number): number {
  const lift = liftPerMetre(stage)
  return (distance * lift) / (1 + lift)
}

export async function drawMesh(stage: Stage, layer: PublishedLayer): Promise<Drawn> {
  const { scene } = stage.viewer
  const low = scene.msaaSamples === 1
  const tileset = await Cesium3DTileset.fromUrl(`${served(layer.published.url)}tileset.json`, {
    maximumScreenSpaceError: low ? 16 : 8,
    skipLevelOfDetail: false,
    scene, // without it vector tiles cannot be draped on the mesh
    preloadFlightDestinations: true,
  })
  tileset.customShader = new CustomShader({
    vertexShaderText: VERTEX,
    uniforms: { u_lift: { type: UniformType.FLOAT, value: liftPerMetre(stage) } },
  })
  tileset.tileFailed.addEventListener((failure: { url: string; message: string }) =>
    stage.faults.add(layer.id, `${failure.url}: ${failure.message}`),
  )
  scene.preUpdate.addEventListener(() =>
    tileset.customShader?.setUniform('u_lift', liftPerMetre(stage)),
  )
  open.add(tileset)
  shareCache()
  scene.primitives.add(tileset)
  return {
    tilesets: [tileset],
    setShown: (shown) => {
      tileset.show = shown
    },
    setOpacity: (opacity) => {
      const white = `color('white', ${opacity.toFixed(2)})`
      tileset.style = opacity >= 0.995 ? undefined : new Cesium3DTileStyle({ color: white })
    },
  }
}
