/** Pictures on the ground: Web Mercator tiles. */
import {
  ImageryLayer,
  Rectangle,
  TextureMagnificationFilter,
  UrlTemplateImageryProvider,
} from 'cesium'
import { served, type Bbox } from './api'
import type { Drawn, PublishedLayer, Stage } from './drawn'

export interface Tiles {
  url: string
  extent: Bbox
  minzoom?: number | undefined
  maxzoom?: number | undefined
}

/** Imagery of XYZ tiles; outside tiles answer 204 and stay transparent. */
export function imageryOf(tiles: Tiles, failed: (message: string) => void): ImageryLayer {
  const provider = new UrlTemplateImageryProvider({
    url: served(tiles.url),
    rectangle: Rectangle.fromDegrees(...tiles.extent),
    minimumLevel: tiles.minzoom ?? 0,
    maximumLevel: tiles.maxzoom ?? 18,
  })
  provider.errorEvent.addEventListener((error) => failed(error.message))
  return new ImageryLayer(provider)
}

export async function drawImagery(stage: Stage, layer: PublishedLayer): Promise<Drawn> {
  const { url, extent, media } = layer.published
  const imagery = imageryOf(
    {
      url: `${url}{z}/{x}/{y}.${media.format ?? 'auto'}`,
      extent,
      minzoom: media.minzoom,
      maxzoom: media.maxzoom,
    },
    (message) => stage.faults.add(layer.id, message),
  )
  imagery.magnificationFilter = TextureMagnificationFilter.LINEAR
  stage.viewer.imageryLayers.add(imagery)
  return {
    setShown: (shown) => {
      imagery.show = shown
    },
    setOpacity: (opacity) => {
      imagery.alpha = opacity
    },
  }
}
