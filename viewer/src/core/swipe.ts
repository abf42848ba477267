/** Two pictures of the same place, one left and one right of a line that can be moved (卷帘). */
import type { Stage } from './drawn'
import { sameEdition, type Edition } from './edition'
import type { LayerStack } from './layers'
import { Signal } from './signal'

export interface Sides {
  left: Edition
  right: Edition
}

export interface Split extends Sides {
  position: number // share of the width, 0..1
}

export class Swipe {
  readonly changed = new Signal<Split | null>()
  private split: Split | null = null

  constructor(
    private readonly stage: Stage,
    private readonly stack: LayerStack,
  ) {
    // who hides a side of the comparison has ended it
    stack.changed.on(({ id, shown }) => {
      if (!shown && this.split && [this.split.left.id, this.split.right.id].includes(id)) this.end()
    })
  }

  get current(): Split | null {
    return this.split
  }

  /** Compare two editions; the layers are shown if they were not. */
  async start(sides: Sides, position = this.split?.position ?? 0.5): Promise<void> {
    if (sameEdition(sides.left, sides.right)) return
    const { left, right } = sides
    this.split = { left, right, position }
    this.stage.viewer.scene.splitPosition = position
    this.changed.emit({ ...this.split })
    await this.stack.setSides(sides)
    await Promise.all([left, right].map(({ id }) => this.stack.setShown(id, true)))
    this.stage.viewer.scene.requestRender()
  }

  setPosition(position: number): void {
    if (!this.split) return
    this.split.position = Math.min(1, Math.max(0, position))
    this.stage.viewer.scene.splitPosition = this.split.position
    this.changed.emit({ ...this.split })
    this.stage.viewer.scene.requestRender()
  }

  end(): void {
    if (!this.split) return
    this.split = null
    this.changed.emit(null)
    void this.stack.setSides(null)
  }
}
