/** Point clouds: 3D Tiles of points, coloured as delivered or by an attribute. */
import {
  Cartesian3,
  Cartographic,
  Color,
  CustomShader,
  CustomShaderTranslucencyMode,
  Ellipsoid,
  UniformType,
  VaryingType,
} from 'cesium'
import type { Drawn, PublishedLayer, Stage } from './drawn'
import { HEIGHT, PLAIN, RGB, UNKNOWN, type Theme } from './theme'
import { openTileset } from './tileset'

export const POINT_SIZE = 4 // pixels at first show

/** How many times its size a near point may grow to close the gaps to its neighbours. */
const GROWTH = 3

/** Radius of the Earth for the drop of the horizon below a tangent plane, m. */
const RADIUS = 6_371_000

function glsl(css: string): string {
  const { red, green, blue } = Color.fromCssColorString(css)
  return `vec3(${[red, green, blue].map((v) => v.toFixed(4)).join(', ')})`
}

/** Body of `vec3 tint(float value)`. */
function tintOf(theme: Theme, color: string): string {
  if (theme.ramp) {
    const { min, max, colors } = theme.ramp
    const last = colors.length - 1
    const scale = `clamp((value - ${min.toFixed(3)}) * ${(last / (max - min)).toExponential(6)}, 0.0, ${last}.0)`
    const mixes = colors
      .slice(1)
      .map((css, i) => `c = mix(c, ${glsl(css)}, clamp(at - ${i}.0, 0.0, 1.0));`)
    return `float at = ${scale}; vec3 c = ${glsl(colors[0]!)}; ${mixes.join(' ')} return c;`
  }
  const known = (theme.classes ?? []).filter(({ value }) => value !== null)
  const tests = known.map(
    (one) =>
      `if (abs(value - ${Number(one.value).toFixed(1)}) < 0.5) return ${glsl(one.color)};`,
  )
  return `${tests.join(' ')} return ${glsl(known.length ? UNKNOWN.color : color)};`
}

/** What `tint` is asked for: an attribute, or the height above the datum. */
function valueOf(theme: Theme): string {
  if (theme.id === HEIGHT)
    return 'u_height + dot(eye, up) + dot(eye - dot(eye, up) * up, eye - dot(eye, up) * up) * u_bend'
  return theme.id === PLAIN ? '0.0' : `float(vsInput.metadata.${theme.id})`
}

const KEEP = { id: RGB, title: '' }

function shaderOf(theme: Theme, layer: PublishedLayer, veiled: boolean): CustomShader {
  const own = theme.id === RGB
  const fragment = `
void fragmentMain(FragmentInput fsInput, inout czm_modelMaterial material) {
  ${own ? '' : 'material.diffuse = czm_srgbToLinear(v_tint);'}
  material.alpha *= u_opacity;
}`
  return new CustomShader({
    vertexShaderText: `
vec3 tint(float value) { ${tintOf(own ? KEEP : theme, layer.style.color)} }
void vertexMain(VertexInput vsInput, inout czm_modelVertexOutput vsOutput) {
  vec3 eye = (czm_modelView * vec4(vsInput.attributes.positionMC, 1.0)).xyz;
  vec3 up = czm_viewRotation * u_up;
  vsOutput.pointSize = clamp(u_gap / max(length(eye), 1.0), u_size, u_size * ${GROWTH}.0);
  v_tint = ${own ? 'vec3(1.0)' : `tint(${valueOf(theme)})`};
}`,
    fragmentShaderText: fragment,
    varyings: { v_tint: VaryingType.VEC3 },
    uniforms: {
      u_size: { type: UniformType.FLOAT, value: POINT_SIZE },
      u_gap: { type: UniformType.FLOAT, value: 0 },
      u_height: { type: UniformType.FLOAT, value: 0 },
      u_bend: { type: UniformType.FLOAT, value: 0.5 / RADIUS },
      u_up: { type: UniformType.VEC3, value: new Cartesian3(0, 0, 1) },
      u_opacity: { type: UniformType.FLOAT, value: 1 },
    },
    translucencyMode: veiled
      ? CustomShaderTranslucencyMode.TRANSLUCENT
      : CustomShaderTranslucencyMode.OPAQUE,
  })
}

/** Distance between neighbours if the points lay evenly over the extent, m. */
function gapOf({ published }: PublishedLayer): number {
  const [west, south, east, north] = published.extent
  const metres = 111_320
  const width = (east - west) * metres * Math.cos((south * Math.PI) / 180)
  const area = Math.max(width * (north - south) * metres, 1)
  return Math.sqrt(area / Math.max(published.media.points ?? 1, 1))
}

export async function drawCloud(stage: Stage, layer: PublishedLayer): Promise<Drawn> {
  const { scene, camera } = stage.viewer
  const tileset = await openTileset(stage, layer, {
    maximumScreenSpaceError: scene.msaaSamples === 1 ? 8 : 4,
    pointCloudShading: {
      attenuation: true, // or there is no eye-dome lighting; sizes are the shader's
      eyeDomeLighting: true,
      eyeDomeLightingStrength: 0.35,
      eyeDomeLightingRadius: 1,
    },
  })
  let theme: Theme = { id: RGB, title: '' }
  let size = POINT_SIZE
  let opacity = 1
  const gap = gapOf(layer)
  const scaled = () => (size * scene.drawingBufferHeight) / Math.max(scene.canvas.clientHeight, 1)
  const redo = () => {
    const shader = shaderOf(theme, layer, opacity < 0.995)
    shader.setUniform('u_size', scaled())
    shader.setUniform('u_opacity', opacity)
    tileset.customShader = shader
  }
  scene.preUpdate.addEventListener(() => {
    const shader = tileset.customShader
    if (!shader || !tileset.show) return
    const fovy = 'fovy' in camera.frustum ? (camera.frustum.fovy as number) : 1
    const focal = scene.drawingBufferHeight / (2 * Math.tan(fovy / 2))
    const up = Ellipsoid.WGS84.geodeticSurfaceNormal(camera.positionWC, new Cartesian3())
    const { height } = Cartographic.fromCartesian(camera.positionWC)
    shader.setUniform('u_gap', 1.6 * gap * focal) // neighbours overlap a little
    shader.setUniform('u_up', up)
    shader.setUniform('u_height', height - stage.city.geoid.undulation_at_centre)
  })
  redo()
  return {
    tilesets: [tileset],
    setShown: (shown) => {
      tileset.show = shown
    },
    setOpacity: (chosen) => {
      opacity = chosen
      redo()
    },
    setTheme: (chosen) => {
      theme = chosen
      redo()
    },
    setSize: (pixels) => {
      size = pixels
      tileset.customShader?.setUniform('u_size', scaled())
    },
  }
}
