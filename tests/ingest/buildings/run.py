"""Runs a source by itself: plan, build, finish, check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import City
from cim.errors import CimError, FormatError
from cim.geo.heights import Heights
from cim.ingest.source import Built, Check, Plan, Problem, Product, Request, Source
from cim.layers import Layer
from cim.tiles.glb import Model, Primitive, read


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What came of a delivery."""

    plan: Plan
    built: list[Built]
    lost: list[CimError]
    product: Product
    checks: tuple[Check, ...]
    staging: Path

    @property
    def problems(self) -> list[Problem]:
        """All that is lost or doubted."""
        inner = [p for b in self.built for p in (*b.refused, *b.warnings)]
        return [*self.plan.refused, *inner]

    @property
    def told(self) -> str:
        """The same as text."""
        return "\n".join(f"{p.path}: {p.reason}" for p in self.problems)

    @property
    def errors(self) -> list[str]:
        """What the checks found."""
        return [error for check in self.checks for error in check.errors]

    def glbs(self) -> list[Path]:
        """All content."""
        return sorted(self.staging.rglob("*.glb"))

    def models(self) -> list[Model]:
        """All content, read back."""
        return [read(path) for path in self.glbs()]


def run(
    source: Source,
    paths: Path | Sequence[Path],
    city: City,
    staging: Path,
    options: Mapping[str, Any] | None = None,
    *,
    crs: str | None = None,
    heights: Heights = Heights.ORTHOMETRIC,
    elevation: Sequence[Path] = (),
    layer: Layer | None = None,
) -> Run:
    """Take a delivery all the way; parts that are lost are collected."""
    staging.mkdir(parents=True, exist_ok=True)
    request = Request(
        paths=(paths,) if isinstance(paths, Path) else tuple(paths),
        layer_id="base.building_model",
        layer=layer,
        city=city,
        crs=crs,
        heights=heights,
        options=options or {},
        elevation=tuple(elevation),
    )
    plan = source.plan(request)
    built: list[Built] = []
    lost: list[CimError] = []
    for parcel in plan.parcels:
        try:
            built.append(source.build(parcel, plan, request, staging))
        except CimError as error:
            lost.append(error)
    if not built and lost:
        raise lost[0]
    if not built:
        first = plan.refused[0]
        raise FormatError(first.reason, path=first.path, remedy=first.remedy)
    while more := source.further(plan, built, request, staging):
        built += [source.build(parcel, plan, request, staging) for parcel in more]
    product = source.finish(plan, built, request, staging)
    return Run(plan, built, lost, product, source.check(product, request, staging), staging)


def rows(model: Model) -> list[dict[str, Any]]:
    """The table of a model, row by row."""
    assert model.table is not None
    columns = {c.name: c.values for c in model.table.columns}
    return [{k: v[i] for k, v in columns.items()} for i in range(model.table.count)]


def owners(part: Primitive) -> npt.NDArray[np.int64]:
    """Row of the feature of each vertex."""
    assert part.features is not None
    return np.asarray(part.features, np.int64)


def corners(part: Primitive) -> npt.NDArray[np.int64]:
    """The triangles of a mesh."""
    assert part.triangles is not None
    return np.asarray(part.triangles, np.int64)
