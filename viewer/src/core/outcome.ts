/** Draws the result of an analysis: its coverage on terrain and mesh, its features, its film. */
import {
  type Cesium3DTileset,
  CustomDataSource,
  Entity,
  type ImageryLayer,
  type ImageryLayerCollection,
} from 'cesium'
import type { Bbox, Coverage, Feature, Result } from './api'
import type { Stage } from './drawn'
import { Film } from './film'
import { imageryOf } from './imagery'
import { anchorOf, isSolid, LIFT, painted, STORY, styleOf } from './paint'
import { Pits } from './pit'
import { canvasOf, ON_GROUND, ON_MESH } from './canvas'
import { bboxOf, distanceTo } from './shape'

/** So many draped features are drawn one by one; more of them as pictures. */
const MOST_DRAPED = 120

/** Places of names nearer than this share of the whole are one place. */
const NEAR = 0.04

/** A feature of a result that was hit. */
export interface Hit {
  feature: Feature
  solid: boolean // it stands in space; what lies below it was not meant
}

export class Outcome {
  readonly film: Film
  readonly pits: Pits
  private readonly drawnIn: [ImageryLayerCollection, ImageryLayer][] = []
  private readonly source = new CustomDataSource('outcome')
  private readonly drawn = new Map<Entity, Feature>()
  /** Features that are drawn as pictures. */
  private flat: Feature[] = []
  private readonly pictures: [ImageryLayerCollection, ImageryLayer][] = []
  private opacity = 0.6
  private result: Result | null = null
  private english = false
  private turn = 0

  constructor(
    private readonly stage: Stage,
    private readonly meshes: () => Cesium3DTileset[],
  ) {
    this.film = new Film(stage)
    this.pits = new Pits(stage, meshes)
    void stage.viewer.dataSources.add(this.source)
  }

  /** How many features are drawn. */
  get count(): number {
    return new Set([...this.drawn.values(), ...this.flat]).size
  }

  async show(result: Result): Promise<void> {
    this.clear()
    this.result = result
    if (result.coverage) this.cover(result.coverage)
    this.paint()
    if (result.timeline?.length) await this.film.show(result.timeline)
    this.stage.viewer.scene.requestRender()
  }

  /** Names on the map follow the language of the screen. */
  setEnglish(english: boolean): void {
    if (this.english === english) return
    this.english = english
    if (this.result) this.paint()
  }

  /** The feature that a picked thing belongs to, if it is one of the result's. */
  hit(picked: unknown): Hit | null {
    const id = (picked as { id?: unknown } | undefined)?.id
    const feature = id instanceof Entity ? this.drawn.get(id) : undefined
    return feature ? { feature, solid: isSolid(styleOf(feature)) || styleOf(feature).hole } : null
  }

  /** Features drawn as pictures that a click at a place means, the nearest first. */
  near(lon: number, lat: number, metres: number): Feature[] {
    return this.flat
      .map((feature) => ({ feature, distance: distanceTo(feature.geometry!, lon, lat) }))
      .filter(({ distance }) => distance <= metres)
      .sort((a, b) => a.distance - b.distance)
      .slice(0, 5)
      .map(({ feature }) => feature)
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
    this.turn += 1
    this.result = null
    for (const [collection, imagery] of this.drawnIn.splice(0)) collection.remove(imagery, true)
    this.wipe()
    this.stage.labels.keep([])
    this.pits.fill()
    this.film.clear()
    this.stage.viewer.scene.requestRender()
  }

  private paint(): void {
    const mine = ++this.turn
    const features = this.result?.features?.features ?? []
    this.wipe()
    const { entities } = this.source
    const draped = features.filter(isDraped)
    if (draped.length > MOST_DRAPED) this.print(draped)
    const printed = new Set(this.flat)
    entities.suspendEvents()
    const stories = this.write(features)
    for (const feature of features.filter((one) => !printed.has(one))) {
      const name = this.nameOf(feature)
      for (const options of painted(feature, this.stage.city, name, stories.get(feature)))
        this.drawn.set(entities.add(options), feature)
    }
    entities.resumeEvents()
    void this.pits.dig(features).then((built) => {
      if (mine !== this.turn) return
      for (const [feature, options] of built) this.drawn.set(entities.add(options), feature)
      this.stage.viewer.scene.requestRender()
    })
    this.stage.viewer.scene.requestRender()
  }

  /** Names at one place stand above each other; how many lie below that of each feature. */
  private write(features: Feature[]): Map<Feature, number> {
    const stories = new Map<Feature, number>()
    const named = features.filter((one) => one.geometry && styleOf(one).label && this.nameOf(one))
    const boxes = features.flatMap(({ geometry }) => (geometry ? [bboxOf(geometry)] : []))
    const [west, south, east, north] = unionOf(boxes) ?? [0, 0, 0, 0]
    const near = NEAR * Math.max(east - west, north - south)
    const written = named.map((feature) => {
      const place = anchorOf(feature.geometry!)
      const story = [...stories.keys()].filter((other) => {
        const [x = 0, y = 0] = anchorOf(other.geometry!)
        return Math.abs(x - place[0]!) < near && Math.abs(y - place[1]!) < near
      }).length
      stories.set(feature, story)
      return { place: place.slice(0, 2), text: this.nameOf(feature), lift: LIFT + STORY * story }
    })
    this.stage.labels.keep(written)
    return stories
  }

  private wipe(): void {
    this.source.entities.removeAll()
    this.drawn.clear()
    this.flat = []
    for (const [collection, imagery] of this.pictures.splice(0)) collection.remove(imagery, true)
  }

  /** Draw features as pictures on the ground and on the meshes. */
  private print(features: Feature[]): void {
    this.flat = features
    const extent = unionOf(features.map(({ geometry }) => bboxOf(geometry!)))
    if (!extent) return
    const make = canvasOf(features, extent)
    const grounds = this.meshes().map((mesh) => mesh.imageryLayers)
    for (const collection of [this.stage.viewer.imageryLayers, ...grounds]) {
      const imagery = make(grounds.includes(collection) ? ON_MESH : ON_GROUND)
      collection.add(imagery)
      this.pictures.push([collection, imagery])
    }
  }

  private nameOf({ properties }: Feature): string {
    const name = (this.english && properties.name_en) || properties.name
    return name === null || name === undefined ? '' : String(name)
  }

  private cover(coverage: Coverage): void {
    const { url, bounds: extent, minzoom, maxzoom } = coverage
    const grounds = this.meshes().map((mesh) => mesh.imageryLayers)
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

/** What a result covers; null where it draws nothing. */
export function extentOf(result: Result): Bbox | null {
  const boxes = (result.features?.features ?? []).flatMap(({ geometry }) =>
    geometry ? [bboxOf(geometry)] : [],
  )
  if (result.coverage) boxes.push(result.coverage.bounds)
  return unionOf(boxes)
}

/** How far the tallest thing of a result rises above its own foot, m. */
export function tallest(result: Result): number {
  const rises = (result.features?.features ?? []).map((feature) => {
    const { top, bottom } = styleOf(feature)
    return top !== null && bottom !== null ? top - bottom : 0
  })
  return Math.max(0, ...rises)
}

/** Lines and areas on the ground that carry no name. */
function isDraped(feature: Feature): boolean {
  const style = styleOf(feature)
  const kind = feature.geometry?.type
  const flat = kind !== undefined && kind !== 'Point' && kind !== 'MultiPoint'
  return flat && !isSolid(style) && !style.hole && !style.label
}

function unionOf(boxes: Bbox[]): Bbox | null {
  const [first, ...others] = boxes.filter((box) => box.every(Number.isFinite))
  return first
    ? others.reduce<Bbox>(
        (a, b) => [
          Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3]),
        ],
        first,
      )
    : null
}
