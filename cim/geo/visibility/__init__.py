"""What can be seen from where over a ground: one line, all cells, the skyline.

All of it rests on one rule, exact for the ground as a surface of grid lines: a line crosses the
lines that join cell centres, and at each crossing the ground's height is interpolated between the
two neighbours (the R3 method of Franklin & Ray, 1994). Something is seen when the line to it rises
at least as steeply as the line to every crossing before it.
"""

from cim.geo.visibility.eye import Eye, drop, radius_of_curvature
from cim.geo.visibility.sight import Sight, line_of_sight
from cim.geo.visibility.skyline import Skyline, skyline
from cim.geo.visibility.viewshed import BEYOND, HIDDEN, SEEN, UNKNOWN, Classes, classes_at, viewshed

__all__ = [
    "BEYOND",
    "HIDDEN",
    "SEEN",
    "UNKNOWN",
    "Classes",
    "Eye",
    "Sight",
    "Skyline",
    "classes_at",
    "drop",
    "line_of_sight",
    "radius_of_curvature",
    "skyline",
    "viewshed",
]
