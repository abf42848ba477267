/** Meshes: 3D Tiles that win against the terrain they stand on. */
import {
  Cartesian3,
  type Cesium3DTileset,
  Cesium3DTileColorBlendMode,
  CustomShader,
  CustomShaderTranslucencyMode,
  UniformType,
} from 'cesium'
import type { Drawn, Glow, PublishedLayer, Stage } from './drawn'
import type { Theme } from './theme'
import { openTileset } from './tileset'
import { styleOf } from './tint'

/**
 * A mesh that the drawn terrain was joined to lies above it at every level: it stays where it is.
 * Beside any other the terrain is drawn with an error of a few pixels, so far from the camera it
 * would poke through a mesh it agrees with. Each vertex is therefore lifted by exactly that allowed
 * error: LIFT metres per metre of distance to the camera. `liftAt` takes it back from picked heights.
 */
function liftPerMetre({ viewer, footing }: Stage, layer: string): number {
  if (footing.mesh === layer) return 0
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

const VEIL = `
void fragmentMain(FragmentInput fsInput, inout czm_modelMaterial material) {
  material.alpha *= u_opacity;
}`

const layerOf = new WeakMap<Cesium3DTileset, string>()

/** Height error that lifting adds at a picked place, m. */
export function liftAt(stage: Stage, tileset: Cesium3DTileset, distance: number): number {
  const lift = liftPerMetre(stage, layerOf.get(tileset) ?? '')
  return (distance * lift) / (1 + lift)
}

/** How much of a building's own colour gives way to the theme or highlight. */
const TINT = 0.58

/** Light on models without texture: so much that level roofs have the colour of the legend. */
const LIGHT = 2.2

function shaders(lift: number): { solid: CustomShader; veiled: CustomShader } {
  const uniforms = { u_lift: { type: UniformType.FLOAT, value: lift } }
  return {
    solid: new CustomShader({ vertexShaderText: VERTEX, uniforms }),
    // opacity is the shader's: a style reaches features only, and most of a mesh is none
    veiled: new CustomShader({
      vertexShaderText: VERTEX,
      fragmentShaderText: VEIL,
      uniforms: { ...uniforms, u_opacity: { type: UniformType.FLOAT, value: 1 } },
      translucencyMode: CustomShaderTranslucencyMode.TRANSLUCENT,
    }),
  }
}

export async function drawMesh(stage: Stage, layer: PublishedLayer): Promise<Drawn> {
  const { scene } = stage.viewer
  const tileset = await openTileset(stage, layer, {
    maximumScreenSpaceError: scene.msaaSamples === 1 ? 16 : 8,
    scene, // without it vector tiles cannot be draped on the mesh
  })
  layerOf.set(tileset, layer.id)
  const { solid, veiled } = shaders(liftPerMetre(stage, layer.id))
  tileset.customShader = solid
  scene.preUpdate.addEventListener(() =>
    tileset.customShader?.setUniform('u_lift', liftPerMetre(stage, layer.id)),
  )
  const { features, colored, id, attributes } = layer.published.media
  const named = features === true ? (id ?? attributes?.[0]?.name ?? 'row') : 'row'
  const bare = features === true && !colored // nothing to shine through
  tileset.colorBlendMode = bare
    ? Cesium3DTileColorBlendMode.REPLACE
    : Cesium3DTileColorBlendMode.MIX
  tileset.colorBlendAmount = TINT
  if (bare) tileset.lightColor = Cartesian3.fromElements(LIGHT, LIGHT, LIGHT)
  let theme: Theme | null = null
  let glow: Glow | null = null
  const restyle = () => {
    if (features) tileset.style = styleOf(theme, glow, named)
  }
  return {
    tilesets: [tileset],
    setShown: (shown) => {
      tileset.show = shown
    },
    setOpacity: (opacity) => {
      veiled.setUniform('u_opacity', opacity)
      tileset.customShader = opacity >= 0.995 ? solid : veiled
    },
    setTheme: (chosen) => {
      theme = chosen
      restyle()
    },
    setGlow: (chosen) => {
      glow = chosen
      restyle()
    },
  }
}
