"""Where a delivery lies, before there is a city: read from its headers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyproj import CRS

from cim.city import Bounds, City
from cim.errors import InputError
from cim.geo.heights import ConstantGeoid
from cim.ingest.pipeline import detect
from cim.ingest.source import Request

_ANYWHERE = City(
    name="Earth",
    name_en="Earth",
    bounds=Bounds(-180.0, -90.0, 180.0, 90.0),
    compute_crs=CRS.from_epsg(3857),
    geoid=ConstantGeoid(0.0),
)


def survey(
    paths: Sequence[Path], crs: str | None, origin: tuple[float, float, float] | None
) -> Bounds:
    """Extent of a delivery, degrees.

    Args:
        paths: Files and folders of one delivery.
        crs: Overrides what it says of itself.
        origin: Of its local coordinates, where no metadata.xml gives it.

    Raises:
        CimError: nothing of it can be read or placed.
    """
    source = detect(paths)
    request = Request(
        paths=tuple(paths), layer_id="survey.delivery", layer=None, city=_ANYWHERE, crs=crs,
        origin=origin,
    )  # fmt: skip
    plan = source.plan(request)
    if plan.extent is None:
        reason = plan.refused[0].reason if plan.refused else "it holds nothing"
        raise InputError(f"no part of it can be placed: {reason}", path=paths[0])
    return plan.extent
