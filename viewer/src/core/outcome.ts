/** Draws the result of an analysis: its coverage on terrain and mesh, its features on both. */
import {
  type Cesium3DTileset,
  Color,
  type ImageryLayer,
  type ImageryLayerCollection,
} from 'cesium'
import type { Coverage, Feature, Result } from './api'
import type { Stage } from './drawn'
import { Highlight, type Look } from './highlight'
import { imageryOf } from './imagery'

export class Outcome {
  private readonly drawnIn: [ImageryLayerCollection, ImageryLayer][] = []
  private readonly features: Highlight
  private opacity = 0.6

  constructor(private readonly stage: Stage) {
    this.features = new Highlight(stage.viewer)
  }

  show(result: Result, meshes: Cesium3DTileset[]): void {
    this.clear()
    if (result.coverage) this.cover(result.coverage, meshes)
    if (result.features) this.features.show(result.features.features, lookOf)
    this.stage.viewer.scene.requestRender()
  }

  setOpacity(opacity: number): void {
    this.opacity = opacity
    for (const [, imagery] of this.drawnIn) imagery.alpha = opacity
    this.stage.viewer.scene.requestRender()
  }

  /** Whether the coverage also covers the meshes, which otherwise hide it below them. */
  setOnMesh(shown: boolean): void {
    const ground = this.stage.viewer.imageryLayers
    for (const [collection, imagery] of this.drawnIn)
      if (collection !== ground) imagery.show = shown
    this.stage.viewer.scene.requestRender()
  }

  clear(): void {
    for (const [collection, imagery] of this.drawnIn.splice(0)) collection.remove(imagery, true)
    this.features.clear()
    this.stage.viewer.scene.requestRender()
  }

  private cover(coverage: Coverage, meshes: Cesium3DTileset[]): void {
    const { url, bounds: extent, minzoom, maxzoom } = coverage
    const grounds = meshes.map((mesh) => mesh.imageryLayers)
    for (const collection of [this.stage.viewer.imageryLayers, ...grounds]) {
      const imagery = imageryOf({ url, extent, minzoom, maxzoom }, (message) =>
        this.stage.faults.add('result', message),
      )
      imagery.alpha = this.opacity
      collection.add(imagery)
      this.drawnIn.push([collection, imagery])
    }
  }
}

/** Opacity of an area: a number, or that of a colour #rrggbbaa. */
function opacityOf(fill: unknown): number {
  if (typeof fill === 'number') return fill
  return (typeof fill === 'string' && Color.fromCssColorString(fill)?.alpha) || 0
}

/** `properties.style` of a result's feature: {color, width, fill}; fill is an opacity or colour. */
function lookOf(feature: Feature): Look {
  const style = (feature.properties.style ?? {}) as Record<string, unknown>
  const number = (key: string, otherwise: number) =>
    typeof style[key] === 'number' ? (style[key] as number) : otherwise
  return {
    color: typeof style.color === 'string' ? style.color : '#ffd54a',
    width: number('width', 2),
    fill: opacityOf(style.fill),
  }
}
