"""The unit of heights: what a CRS says of its third axis."""

from __future__ import annotations

from pyproj import CRS
from pyproj.exceptions import CRSError

from cim.errors import CrsError


def height_unit(given: str) -> float:
    """Metres in one unit of height of a CRS.

    The vertical part decides; without one, heights have the unit of the horizontal axes (as LAS
    files in feet have them), and metres beside degrees.

    Args:
        given: EPSG:n, WKT or a PROJ string.

    Raises:
        CrsError: the text is no CRS.

    Example:
        >>> height_unit("EPSG:4545"), round(height_unit("EPSG:2992"), 4), height_unit("EPSG:4326")
        (1.0, 0.3048, 1.0)
    """
    try:
        crs = CRS.from_user_input(given.strip())
    except CRSError as error:
        raise CrsError(f"{given[:80]!r} is not a coordinate reference system") from error
    if crs.is_compound:
        return float(crs.sub_crs_list[1].axis_info[0].unit_conversion_factor)
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    axes = crs.axis_info
    if len(axes) == 3:
        return float(axes[2].unit_conversion_factor)
    return float(axes[0].unit_conversion_factor) if crs.is_projected else 1.0
