"""What answers about a disc of ground have in common."""

from __future__ import annotations

from cim.catalog.elevation import Ground
from cim.geo.crs import CGCS2000, transformer
from cim.question import OnModel, Point, number_field, point_field
from cim.topic import Context
from cim.topics.terrain.asked import ground_of


class AroundParameters(OnModel):
    """A place and how far around it."""

    centre: Point = point_field(
        "中心点", "分析范围中心的经纬度（度）。", "Centre", "Longitude and latitude, degrees."
    )
    range: float = number_field(
        2000.0, "半径", "分析范围半径。", "Radius", "Of the area looked at.", "m", 50, 20_000
    )


def placed(asked: AroundParameters, context: Context, margin: float) -> tuple[Ground, float, float]:
    """The ground around the place asked for, and the place in its plane, m."""
    ground = ground_of(context, asked, (asked.centre,), asked.range + margin)
    x, y = transformer(CGCS2000, ground.grid.crs).transform(*asked.centre)
    return ground, float(x), float(y)
