"""Publishes what is made from a published elevation model: hillshade, slope, aspect, contours."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from cim.catalog import elevation, registry
from cim.catalog.registry import Version
from cim.city import City
from cim.errors import ParameterError
from cim.ingest.labelling import scratch
from cim.ingest.pipeline import ingest
from cim.ingest.progress import Watcher
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.ingest.sources.coverage import PRODUCTS, CoverageSource, contours
from cim.ingest.sources.coverage.picture import paint
from cim.ingest.sources.coverage.source import VALUES, Origin
from cim.layers import CimLevel, Field, FieldType, Geometry, Kind, Layer, Style
from cim.store.database import ready
from cim.store.files import Files

CONTOUR = "contour"
DERIVED = (*PRODUCTS, CONTOUR)


def derive(
    terrain: str,
    product: str,
    layer_id: str,
    *,
    city: City,
    engine: Engine,
    files: Files,
    interval: float | None = None,
    workers: int = 1,
    watcher: Watcher | None = None,
) -> Report:
    """Make a product of a published terrain and publish it as a layer of its own.

    Args:
        terrain: Published terrain layer.
        product: One of ``DERIVED``.
        layer_id: Layer to publish.
        city: Where all results must lie.
        engine: The installation's database.
        files: The installation's folders.
        interval: Of contours, m; None takes 5 m for cells up to 5 m, else 20 m.
        workers: Processes.
        watcher: Is told of the progress.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: it is no terrain, there is no such product, or it has no interval.
    """
    if product not in DERIVED:
        raise ParameterError(
            f"there is no product {product}", remedy=f"there are: {', '.join(DERIVED)}"
        )
    if interval is not None and (product != CONTOUR or not 0.1 <= interval <= 1000):
        raise ParameterError(
            "only contours have an interval, from 0.1 to 1000 m",
            remedy="leave --interval out, or ask for contour",
        )
    with ready(engine) as connection:
        version = registry.published(connection, terrain)
        known = registry.declaration(connection, layer_id)
    if version.layer.kind is not Kind.TERRAIN:
        raise ParameterError(f"{terrain} is no terrain layer", remedy="name one, such as base.dem")
    models = elevation.models([version])
    paths = [model.path(files) for model in models]
    with scratch(files) as folder:
        if product == CONTOUR:
            step = interval or (5.0 if models[0].cell <= 5.0 else 20.0)
            target = folder / "contour.gpkg"
            contours(paths, step, target)
            request = Request(
                paths=(target,), layer_id=layer_id, layer=known or _contour_layer(layer_id),
                city=city,
            )  # fmt: skip
            return ingest(request, engine=engine, files=files, workers=workers, watcher=watcher)
        source, pictures = _painted(version, product, paths, folder)
        request = Request(
            paths=pictures, layer_id=layer_id, layer=known, city=city,
            options={"archive": "none", "priority": "last", "quality": 95},
        )  # fmt: skip
        return ingest(
            request, engine=engine, files=files, workers=workers, watcher=watcher, source=source
        )


def _painted(
    version: Version, product: str, paths: list[Path], folder: Path
) -> tuple[CoverageSource, tuple[Path, ...]]:
    """A picture of each model; the first model's, which has priority, is the last by name."""
    pictures, values = [], []
    for index, path in enumerate(paths):
        name = f"{len(paths) - index:04d}.tif"
        value, picture = folder / VALUES / name, folder / name
        paint(PRODUCTS[product], path, value, picture)
        pictures.append(picture)
        values.append(value)
    origin = Origin(
        layer=version.layer.id, version=version.version, key=version.key, models=tuple(paths)
    )
    source = CoverageSource(product=PRODUCTS[product], origin=origin, values=tuple(values))
    return source, tuple(pictures)


def _contour_layer(layer_id: str) -> Layer:
    return Layer(
        id=layer_id,
        title="等高线",
        title_en="Contours",
        kind=Kind.VECTOR,
        geometry=Geometry.LINE,
        fields=(
            Field(name="height", title="高程（1985）", title_en="Height (1985)",
                  type=FieldType.REAL, unit="m"),
            Field(name="index", title="计曲线", title_en="Index contour",
                  type=FieldType.BOOLEAN),
        ),
        cim_level=CimLevel.SURFACE,
        style=Style(visible=False, color="#8d6e63"),
    )  # fmt: skip
