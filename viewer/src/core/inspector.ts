/** What is at a clicked pixel: features with their attributes, a mesh tile, a place on the ground. */
import {
  Cartesian2,
  Cartesian3,
  Cartographic,
  Math as CesiumMath,
} from 'cesium'
import { api, type Elevation } from './api'
import type { PublishedLayer, Stage } from './drawn'
import { entityAt, type Found } from './entity'
import { placeAt, type Place } from './ground'
import { undulationAt } from './geoid'
import type { LayerStack } from './layers'
import type { Outcome } from './outcome'
import type { FeatureRef } from './point'
import { boxAround, distanceTo } from './shape'
import type { Underground } from './underground'

export interface Spot {
  lon: number // degrees
  lat: number
  ellipsoidal: number // m
  orthometric: number // m
  ground: Elevation | null // of the DEM at the same place
}

export interface TileInfo {
  layer: string
  url: string
  level: number
  geometricError: number // m
  triangles: number
}

export interface Inspection {
  spot: Spot | null
  tile: TileInfo | null
  found: Found[]
}

/** How far from a line or point a click still means it, pixels. */
const TOLERANCE = 8

/** A clicked wall or eave of the mesh lies about this far outside the footprint, m. */
const WALL = 1.5

export class Inspector {
  constructor(
    private readonly stage: Stage,
    private readonly stack: LayerStack,
    private readonly outcome: Outcome,
    private readonly underground: Underground,
  ) {}

  place(pixel: Cartesian2): Place | null {
    const of = (kind: 'mesh' | 'points') => this.stack.tilesetsOf(kind)
    const tilesets = (found: ReturnType<typeof of>) => found.map(({ tileset }) => tileset)
    return placeAt(this.stage, pixel, {
      meshes: tilesets(of('mesh')),
      labelled: tilesets(of('mesh').filter(({ layer }) => layer.published.media.features)),
      clouds: tilesets(of('points')),
      solid: (picked) => this.outcome.hit(picked)?.solid ?? false,
      through: this.underground.on,
    })
  }

  async at(pixel: Cartesian2): Promise<Inspection | null> {
    const place = this.place(pixel)
    if (!place) return null
    const entity = await entityAt(this.stack, place)
    const marker = place.marker ? await this.fetch(place.marker) : null
    const spot = await this.spot(place.point)
    const metres = this.metresPerPixel(place.point) * TOLERANCE
    const hit = this.outcome.hit(place.drawn)
    const result: Found | null = hit && { layer: 'result', origin: 'result', ...hit }
    const printed = this.outcome.near(spot.lon, spot.lat, metres)
    const flat = printed.map((feature): Found => ({ layer: 'result', origin: 'result', feature }))
    const direct = [result, ...flat, marker, entity].filter((one) => one !== null)
    const around = await this.around(spot, metres, place)
    const same = (one: Found) =>
      direct.some(({ layer, feature: { id } }) => one.layer === layer && one.feature.id === id)
    const found = [...direct, ...around.filter((one) => !same(one))]
    return { spot, tile: this.tile(place), found }
  }

  private async fetch(ref: FeatureRef): Promise<Found> {
    return { layer: ref.layer, feature: await api.feature(ref.layer, ref.fid) }
  }

  private async spot(point: Cartesian3): Promise<Spot> {
    const place = Cartographic.fromCartesian(point)
    const lon = CesiumMath.toDegrees(place.longitude)
    const lat = CesiumMath.toDegrees(place.latitude)
    const ground = this.covered(lon, lat) ? await api.elevation(lon, lat).catch(() => null) : null
    const undulation = ground
      ? ground.ellipsoidal - ground.height
      : undulationAt(this.stage.city, lon, lat)
    return { lon, lat, ellipsoidal: place.height, orthometric: place.height - undulation, ground }
  }

  /** Whether a published terrain may know the height there. */
  covered(lon: number, lat: number): boolean {
    return this.stack.layers.some(({ kind, published }) => {
      const [west, south, east, north] = published.extent
      return kind === 'terrain' && west <= lon && lon <= east && south <= lat && lat <= north
    })
  }

  private tile({ onMesh, picked }: Place): TileInfo | null {
    if (!onMesh) return null
    const owner = this.stack.tilesetsOf('mesh').find(({ tileset }) => tileset === onMesh)
    const content = (picked as { content?: TileContent } | undefined)?.content
    if (!owner || !content) return null
    const url = new URL(content.url, document.baseURI).pathname
    return {
      layer: owner.layer.id,
      url: url.split('/').slice(-3).join('/'),
      level: content.tile._depth,
      geometricError: content.tile.geometricError,
      triangles: content.trianglesLength,
    }
  }

  /** Features of the layers in question near the place, the most specific first. */
  private async around(spot: Spot, metres: number, place: Place): Promise<Found[]> {
    const onMesh = place.onMesh !== null
    const told = this.labelsOf(place)
    const asked = this.stack.layers.filter(
      (layer) =>
        layer.kind === 'vector' &&
        // a click on the mesh means the building, whether or not its outline is shown,
        // unless the mesh itself knows better
        (this.stack.state(layer.id)?.shown ||
          (onMesh && layer.style.height_field && layer.id !== told)),
    )
    const bbox = boxAround(spot.lon, spot.lat, Math.max(metres, WALL))
    const answers = await Promise.all(
      asked.map(async (layer) => {
        const page = await api.features(layer.id, { bbox, limit: 50 })
        return page.features
          .filter((feature) => feature.geometry)
          .map((feature) => ({
            layer,
            feature,
            distance: distanceTo(feature.geometry!, spot.lon, spot.lat),
          }))
      }),
    )
    return answers
      .flat()
      .filter(
        ({ layer, distance }) => distance <= reach(layer, metres, onMesh && layer.id !== told),
      )
      .sort((a, b) => rank(a.layer) - rank(b.layer) || a.distance - b.distance)
      .map(({ layer, feature }) => ({ layer: layer.id, feature }))
  }

  /** Layer whose features the clicked mesh has been labelled with. */
  private labelsOf({ onMesh }: Place): string | undefined {
    const owner = this.stack.tilesetsOf('mesh').find(({ tileset }) => tileset === onMesh)
    const features = owner?.layer.published.media.features
    return typeof features === 'object' ? features.layer : undefined
  }

  /** Size of a CSS pixel at a place, m. */
  metresPerPixel(point: Cartesian3): number {
    const { canvas, camera } = this.stage.viewer
    const distance = Math.max(Cartesian3.distance(point, camera.positionWC), 1)
    const { clientWidth, clientHeight } = canvas
    const size = new Cartesian2()
    camera.frustum.getPixelDimensions(clientWidth, clientHeight, distance, 1, size)
    return Math.max(size.x, size.y)
  }
}

interface TileContent {
  url: string
  trianglesLength: number
  tile: { _depth: number; geometricError: number }
}

/** How far from the place a feature of this layer may lie and still be meant, m. */
function reach(layer: PublishedLayer, metres: number, onMesh: boolean): number {
  if (layer.geometry !== 'Polygon') return metres
  return onMesh && layer.style.height_field ? WALL : 0
}

/** Points before lines, buildings before other areas. */
function rank(layer: PublishedLayer): number {
  if (layer.geometry === 'Point') return 0
  if (layer.geometry === 'LineString') return 1
  return layer.style.height_field ? 2 : 3
}
