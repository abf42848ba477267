/** Lines in space that nothing hides: what is being measured must stay in sight. */
import {
  ArcType,
  Cartesian3,
  GeometryInstance,
  Material,
  PolylineGeometry,
  PolylineMaterialAppearance,
  Primitive,
  type Color,
  type Scene,
} from 'cesium'

export interface Stroke {
  path: Cartesian3[]
  color: Color
  width: number // pixels
  dashed?: boolean
}

export class Ink {
  private drawn: Primitive[] = []

  constructor(private readonly scene: Scene) {}

  /** Draw these strokes instead of the ones before. */
  draw(strokes: Stroke[]): void {
    for (const old of this.drawn.splice(0)) this.scene.primitives.remove(old)
    for (const { path, color, width, dashed } of strokes) {
      const positions = path.filter((p, i) => !i || !Cartesian3.equals(p, path[i - 1]!))
      if (positions.length < 2) continue
      const material = Material.fromType(dashed ? 'PolylineDash' : 'Color', { color })
      const geometry = new PolylineGeometry({ positions, width, arcType: ArcType.NONE })
      const primitive = new Primitive({
        geometryInstances: new GeometryInstance({ geometry }),
        appearance: new PolylineMaterialAppearance({
          material,
          translucent: true,
          renderState: { depthTest: { enabled: false }, depthMask: false },
        }),
        allowPicking: false,
        asynchronous: false,
      })
      this.drawn.push(this.scene.primitives.add(primitive))
    }
    this.scene.requestRender()
  }
}
