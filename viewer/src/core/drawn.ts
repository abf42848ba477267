/** What every kind of layer can do once it is drawn. */
import type { Cesium3DTileset, Viewer } from 'cesium'
import type { City, Layer, Published } from './api'
import type { Faults } from './faults'
import type { Labels } from './labels'

export interface Drawn {
  setShown(shown: boolean): void
  setOpacity(opacity: number): void
  /** Tilesets to wait for while the layer is shown. */
  tilesets?: Cesium3DTileset[]
}

export interface Stage {
  viewer: Viewer
  city: City
  faults: Faults
  labels: Labels
}

export type PublishedLayer = Layer & { published: Published }
export type Draw = (stage: Stage, layer: PublishedLayer) => Promise<Drawn>
