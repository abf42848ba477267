/** Pictures on the ground: Web Mercator tiles. */
import {
  ImageryLayer,
  type ImageryLayerCollection,
  type ImageryTypes,
  Rectangle,
  type Request,
  Resource,
  SplitDirection,
  TextureMagnificationFilter,
  UrlTemplateImageryProvider,
} from 'cesium'
import { served, type Bbox, type Media } from './api'
import type { Drawn, PublishedLayer, Stage } from './drawn'

export interface Tiles {
  url: string
  extent: Bbox
  minzoom?: number | undefined
  maxzoom?: number | undefined
}

const BLANK = document.createElement('canvas')
BLANK.width = BLANK.height = 1

/** One tile; a place without a picture answers 204, which Cesium's own loader takes for a fault. */
function pictureOf(
  template: string,
  x: number,
  y: number,
  level: number,
  request?: Request,
): Promise<ImageryTypes> | undefined {
  const address = template.replace('{z}', `${level}`).replace('{x}', `${x}`).replace('{y}', `${y}`)
  const resource = new Resource({ url: served(address), ...(request && { request }) })
  const answer: Promise<Blob | undefined> | undefined = resource.fetchBlob()
  return answer?.then(async (blob): Promise<ImageryTypes> => {
    if (!blob?.size) return BLANK
    return createImageBitmap(blob, {
      imageOrientation: 'flipY', // as WebGL wants it
      premultiplyAlpha: 'none',
      colorSpaceConversion: 'none',
    })
  })
}

/** Imagery of XYZ tiles; outside tiles answer 204 and stay transparent. */
export function imageryOf(tiles: Tiles, failed: (message: string) => void): ImageryLayer {
  const provider = new UrlTemplateImageryProvider({
    url: served(tiles.url),
    rectangle: Rectangle.fromDegrees(...tiles.extent),
    minimumLevel: tiles.minzoom ?? 0,
    maximumLevel: tiles.maxzoom ?? 18,
  })
  provider.requestImage = (x, y, level, request) => pictureOf(tiles.url, x, y, level, request)
  provider.errorEvent.addEventListener((error) => failed(error.message))
  return new ImageryLayer(provider)
}

/** How deep each picture of the ground lies; results of analyses have no depth and stay on top. */
const depths = new WeakMap<ImageryLayer, number>()

/** Metres a pixel; what was made of heights (slope, aspect) hides photographs, not they it. */
function depthOf(media: Media): number {
  const metres = media.resolution ?? Infinity
  return media.product ? metres : metres + 1e6 // more than any pixel that lies in a city
}

/** Where a picture belongs: above all deeper ones, below the others, whichever came first. */
function above(ground: ImageryLayerCollection, imagery: ImageryLayer): number {
  const mine = depths.get(imagery) ?? 0
  let index = 0
  while (index < ground.length && (depths.get(ground.get(index)) ?? 0) >= mine) index += 1
  return index
}

/** Above all pictures of the ground, below the results of analyses. */
function topmost(ground: ImageryLayerCollection): number {
  let index = ground.length
  while (index > 0 && !depths.has(ground.get(index - 1))) index -= 1
  return index
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
  depths.set(imagery, depthOf(media))
  const ground = stage.viewer.imageryLayers
  ground.add(imagery, above(ground, imagery))
  return {
    setShown: (shown) => {
      imagery.show = shown
    },
    setOpacity: (opacity) => {
      imagery.alpha = opacity
    },
    setSide: (side) => {
      if (imagery.splitDirection === side) return
      imagery.splitDirection = side
      // what is compared must be seen, so it lies above all others meanwhile
      ground.remove(imagery, false)
      if (side === SplitDirection.NONE) ground.add(imagery, above(ground, imagery))
      else ground.add(imagery, topmost(ground))
    },
  }
}
