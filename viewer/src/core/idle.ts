/** When the picture is whole. */
import { Cartesian3, type Viewer } from 'cesium'
import type { LayerStack } from './layers'

/** Frames in a row that must find nothing left to load. */
const FRAMES = 3

/**
 * Wait until every shown layer has loaded what this view needs.
 *
 * @param limit Milliseconds after which to give up with an error saying what is still missing.
 */
export function whenIdle(viewer: Viewer, stack: LayerStack, limit: number): Promise<void> {
  const { scene } = viewer
  const started = performance.now()
  let quiet = 0
  const stood = Cartesian3.clone(viewer.camera.positionWC)
  return new Promise((resolve, reject) => {
    const stop = scene.postRender.addEventListener(() => {
      const open = stack.awaited().filter((tileset) => !tileset.tilesLoaded)
      const still = Cartesian3.equals(stood, viewer.camera.positionWC) // not on a flight
      Cartesian3.clone(viewer.camera.positionWC, stood)
      const idle = still && stack.settled() && scene.globe.tilesLoaded && open.length === 0
      quiet = idle ? quiet + 1 : 0
      const late = performance.now() - started > limit
      if (quiet < FRAMES && !late) {
        setTimeout(() => scene.requestRender(), 0)
        return
      }
      stop()
      if (quiet >= FRAMES) resolve()
      else
        reject(
          new Error(
            `still loading after ${limit} ms: globe ${scene.globe.tilesLoaded}, ` +
              `layers opened ${stack.settled()}, tilesets ${open.map((t) => t.resource.url)}`,
          ),
        )
    })
    scene.requestRender()
  })
}
