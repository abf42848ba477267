/** Lines and polygons of any number: vector tiles draped on terrain and mesh. */
import { Cesium3DTileStyle, HeightReference, MVTDataProvider, Rectangle } from 'cesium'
import { served, type Style } from './api'
import type { Drawn, PublishedLayer, Stage } from './drawn'

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** The declaration's style in the language of 3D Tiles styling. */
export function tileStyle(style: Style, opacity: number): Cesium3DTileStyle {
  const alpha = opacity.toFixed(3)
  const colour = (css: string) => `color(${quoted(css)}, ${alpha})`
  const conditions: [string, string][] = []
  if (style.field)
    for (const item of style.legend)
      if (item.value != null)
        conditions.push([`\${${style.field}} === ${quoted(item.value)}`, colour(item.color)])
  const rest = style.legend.find((item) => item.value == null)?.color ?? style.color
  conditions.push(['true', colour(rest)])
  return new Cesium3DTileStyle({
    color: { conditions },
    lineWidth: String(style.width),
    pointSize: String(Math.max(style.width, 6)),
  })
}

export async function drawVector(stage: Stage, layer: PublishedLayer): Promise<Drawn> {
  const { scene } = stage.viewer
  const { url, extent, media } = layer.published
  const provider = await MVTDataProvider.fromUrl(`${served(url)}{z}/{x}/{y}.mvt`, {
    minZoom: media.minzoom ?? 0,
    maxZoom: media.maxzoom ?? 16,
    extent: Rectangle.fromDegrees(...extent),
    heightReference: HeightReference.CLAMP_TO_GROUND,
    scene,
  })
  const { tileset } = provider
  if (!tileset) throw new Error('the vector tiles could not be opened')
  tileset.tileFailed.addEventListener((failure: { url: string; message: string }) =>
    stage.faults.add(layer.id, `${failure.url}: ${failure.message}`),
  )
  scene.primitives.add(tileset)
  return {
    tilesets: [tileset],
    setShown: (shown) => {
      tileset.show = shown
    },
    setOpacity: (opacity) => {
      tileset.style = tileStyle(layer.style, opacity)
    },
  }
}
