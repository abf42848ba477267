"""What the topic's questions have in common."""

from __future__ import annotations

from cim.catalog.elevation import Ground
from cim.evidence import ground_around
from cim.geo.crs import CGCS2000, transformer
from cim.question import OnTerrain, Point, number_field, point_field
from cim.topic import Context

NOT_FOR_DISPATCH = (
    "结果供研判参考，未经现场核实不得用于指挥调度 a screening, not for dispatch without "
    "confirmation on the ground"
)


class AroundParameters(OnTerrain):
    """A place and how far around it."""

    centre: Point = point_field(
        "中心点", "分析范围中心的经纬度（度）。", "Centre", "Longitude and latitude, degrees."
    )
    range: float = number_field(
        2000.0, "半径", "分析范围半径。", "Radius", "Of the area looked at.", "m", 100, 20_000
    )


def placed(asked: AroundParameters, context: Context, margin: float) -> tuple[Ground, float, float]:
    """The ground around the place asked for, and the place in its plane, m."""
    ground = ground_around(context, asked.terrain, (asked.centre,), asked.range + margin)
    x, y = transformer(CGCS2000, ground.grid.crs).transform(*asked.centre)
    return ground, float(x), float(y)
