/** Names on the map, as many as fit: of two that would overlap, the nearer one stays. */
import {
  Cartesian3,
  Cartographic,
  type Label,
  type LabelCollection,
  SceneTransforms,
  type Viewer,
} from 'cesium'
import type { Position } from './api'

/** Height of a line of text and half the width of a CJK character on the screen, pixels. */
const LINE = 18
const HALF = 6.8

/** A name that a result has written: it stays, and others make way. */
export interface Written {
  place: Position // degrees; orthometric heights were made ellipsoidal, none lies on the ground
  text: string
  lift: number // pixels above the place
}

type Box = [left: number, top: number, right: number, bottom: number]

function overlaps(a: Box, b: Box): boolean {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/** Width of a text in halves of a CJK character: Latin letters are about half as wide. */
function halves(text: string): number {
  let sum = 0
  for (const character of text) sum += character.charCodeAt(0) > 0x2e80 ? 2 : 1.1
  return sum
}

export class Labels {
  private readonly collections: LabelCollection[] = []
  private waiting = false
  private written: Written[] = []

  constructor(private readonly viewer: Viewer) {
    const { camera, scene } = viewer
    camera.moveEnd.addEventListener(() => this.tidySoon())
    camera.changed.addEventListener(() => this.tidySoon())
    scene.globe.tileLoadProgressEvent.addEventListener((open: number) => {
      if (open === 0) this.tidySoon() // clamping has moved the labels
    })
  }

  add(collection: LabelCollection): void {
    this.collections.push(collection)
    this.tidySoon()
  }

  /** Keep the room of names that others have drawn. */
  keep(written: Written[]): void {
    this.written = written
    this.tidySoon()
  }

  tidySoon(): void {
    if (this.waiting || !this.collections.length) return
    this.waiting = true
    setTimeout(() => {
      this.waiting = false
      this.tidy()
    }, 200)
  }

  private tidy(): void {
    const { camera, scene } = this.viewer
    const candidates: { label: Label; distance: number }[] = []
    for (const collection of this.collections) {
      if (!collection.show) continue
      for (let i = 0; i < collection.length; i++) {
        const label = collection.get(i)
        const distance = Cartesian3.distance(label.position, camera.positionWC)
        candidates.push({ label, distance })
      }
    }
    candidates.sort((a, b) => a.distance - b.distance)
    const taken: Box[] = this.written.flatMap((one) => this.roomOf(one) ?? [])
    let changed = false
    for (const { label, distance } of candidates) {
      const box = distance > reachOf(label) ? null : this.boxOf(label)
      const fits = box !== null && taken.length < 200 && !taken.some((b) => overlaps(b, box))
      if (fits) taken.push(box)
      changed ||= label.show !== fits
      label.show = fits
    }
    if (changed) scene.requestRender()
  }

  private roomOf({ place: [lon = 0, lat = 0, height], text, lift }: Written): Box[] | null {
    const { scene } = this.viewer
    const ground = height ?? scene.globe.getHeight(Cartographic.fromDegrees(lon, lat)) ?? 0
    const place = Cartesian3.fromDegrees(lon, lat, ground)
    const pixel = SceneTransforms.worldToWindowCoordinates(scene, place)
    const width = halves(text) * HALF
    return pixel
      ? [[pixel.x - width / 2, pixel.y - lift - LINE, pixel.x + width / 2, pixel.y - lift]]
      : null
  }

  /** Where the label is on the screen; null outside. */
  private boxOf(label: Label): Box | null {
    const { scene, canvas } = this.viewer
    const pixel = label.computeScreenSpacePosition(scene)
    if (!pixel || pixel.x < 0 || pixel.y < 0) return null
    if (pixel.x > canvas.clientWidth || pixel.y > canvas.clientHeight) return null
    const width = halves(label.text) * HALF
    return [pixel.x - width / 2, pixel.y - LINE, pixel.x + width / 2, pixel.y]
  }
}

function reachOf(label: Label): number {
  return label.distanceDisplayCondition?.far ?? Infinity
}
