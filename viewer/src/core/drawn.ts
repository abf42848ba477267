/** What every kind of layer can do once it is drawn. */
import type { Cesium3DTileset, SplitDirection, TerrainProvider, Viewer } from 'cesium'
import type { City, Layer, Published, Value } from './api'
import type { Faults } from './faults'
import type { Labels } from './labels'
import type { Theme } from './theme'

/** Features of a mesh that shall stand out: those whose attribute has this value. */
export interface Glow {
  attribute: string
  value: Value
}

export interface Drawn {
  setShown(shown: boolean): void
  setOpacity(opacity: number): void
  /** Draw on one side of the split only; tilesets are told by their layer stack. */
  setSide?(side: SplitDirection): void
  /** Tilesets to wait for while the layer is shown. */
  tilesets?: Cesium3DTileset[]
  /** Colours by an attribute; meshes with features, and points. */
  setTheme?(theme: Theme): void
  setGlow?(glow: Glow | null): void
  /** Whether terrain shall be led to the mesh that it was joined to. */
  setFitted?(wanted: boolean): void
  /** Size of points, pixels. */
  setSize?(pixels: number): void
}

/** The ground that is drawn now. */
export interface Footing {
  /** The elevation models' own, whatever is drawn; null where there is none. */
  bare: TerrainProvider | null
  /** Layer of the mesh that the drawn ground is led below; null where it is the bare one. */
  mesh: string | null
}

export interface Stage {
  viewer: Viewer
  city: City
  faults: Faults
  labels: Labels
  footing: Footing
}

export type PublishedLayer = Layer & { published: Published }
export type Draw = (stage: Stage, layer: PublishedLayer) => Promise<Drawn>
