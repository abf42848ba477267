/** Looking into the ground: terrain, imagery and meshes let through what lies below. */
import { Cartographic, Color, NearFarScalar } from 'cesium'
import { currentView, goTo } from './camera'
import type { Stage } from './drawn'
import type { LayerStack } from './layers'
import { Signal } from './signal'

/** How much of the ground is left at first. */
const VEIL = 0.35

/** The other side of the Earth does not shine through; m. */
const NEAR_SIDE = new NearFarScalar(50_000, 1, 200_000, 0)

/** What is seen behind the ground. */
const DARK = Color.fromCssColorString('#222c37')

/** Where a camera that was below ends up above the ground, m. */
const SURFACED = 250

export class Underground {
  readonly changed = new Signal<number | null>()
  /** Opacity of the ground, 0..1; null while it hides what is below. */
  veil: number | null = null
  /** Layers that are shown as long as one looks below. */
  private readonly opened = new Set<string>()
  private sky: Color | undefined
  private by: 'hand' | 'result' = 'hand'

  constructor(
    private readonly stage: Stage,
    private readonly stack: LayerStack,
  ) {}

  get on(): boolean {
    return this.veil !== null
  }

  enter(veil = this.veil ?? VEIL): void {
    if (this.veil === null) this.by = 'hand'
    this.veil = Math.min(Math.max(veil, 0), 1)
    this.open()
    this.stack.setVeil(this.veil)
    const { scene } = this.stage.viewer
    scene.screenSpaceCameraController.enableCollisionDetection = false
    this.sky ??= Color.clone(scene.backgroundColor)
    scene.backgroundColor = DARK.clone() // light behind a faint ground would wash out the pipes
    scene.globe.undergroundColor = Color.fromCssColorString('#1b2430')
    scene.globe.translucency.enabled = true // even where no terrain layer is shown
    scene.globe.translucency.frontFaceAlpha = this.veil
    scene.globe.translucency.backFaceAlpha = this.veil
    scene.globe.translucency.backFaceAlphaByDistance = NEAR_SIDE
    this.tell()
  }

  /** Look below because something that was found lies there; it ends with it. */
  enterFor(found: 'result'): void {
    if (this.on) return
    this.enter()
    this.by = found
  }

  leaveFor(found: 'result'): void {
    if (this.by === found) this.leave()
  }

  leave(): void {
    if (this.veil === null) return
    this.veil = null
    for (const id of this.opened) void this.stack.setShown(id, false)
    this.opened.clear()
    const { scene, camera } = this.stage.viewer
    scene.globe.translucency.enabled = false
    if (this.sky) scene.backgroundColor = this.sky
    this.sky = undefined
    this.stack.setVeil(1)
    scene.screenSpaceCameraController.enableCollisionDetection = true
    const { longitude, latitude, height } = camera.positionCartographic
    const ground = scene.globe.getHeight(new Cartographic(longitude, latitude))
    if (ground !== undefined && height < ground + 2) {
      const view = currentView(this.stage.viewer)
      goTo(this.stage.viewer, { ...view, height: ground + SURFACED, pitch: -45 })
    }
    this.tell()
  }

  /** Show the layers that lie below the ground: who looks there wants to see them. */
  private open(): void {
    for (const { id, style } of this.stack.layers)
      if (style.below && !this.opened.has(id) && !this.stack.state(id)?.shown) {
        this.opened.add(id)
        void this.stack.setShown(id, true).catch((error: unknown) => this.stage.faults.add(id, error))
      }
  }

  private tell(): void {
    this.stage.viewer.scene.requestRender()
    this.changed.emit(this.veil)
  }
}
