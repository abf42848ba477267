"""One door to vector files: all that GDAL reads, and GeoParquet, which its wheel cannot read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyogrio.errors
import pyproj
import shapely

from cim.errors import FormatError

PARQUET = ".parquet"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the libraries say of a bad file into one sentence.

    Raises:
        FormatError: naming the file.
    """
    try:
        with np.errstate(invalid="ignore"):  # coordinates that are no numbers are counted later
            yield
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FeatureError,
        pyogrio.errors.FieldError,
        pyogrio.errors.GeometryError,
        pa.ArrowException,
        shapely.errors.GEOSException,
        ValueError,
    ) as error:
        raise FormatError(
            f"GDAL cannot read it: {_first_line(error)}",
            path=path,
            remedy="open it in the program that made it and export it again",
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def spatial_layers(path: Path) -> list[str]:
    """Names of the layers that have a geometry.

    Raises:
        FormatError: it cannot be read, or has none.
    """
    with _readable(path):
        if path.suffix.lower() == PARQUET:
            with pq.ParquetFile(path) as file:
                _geo(file, path)
            return [path.stem]
        found = [str(name) for name, geometry in pyogrio.list_layers(path) if geometry is not None]
    if not found:
        raise FormatError("it holds no layer with geometry", path=path)
    return found


def describe(
    path: Path, layer: str, encoding: str | None, *, bounds: bool = False
) -> Mapping[str, Any]:
    """Fields, their types, geometry type, CRS and (where asked) bounds of a layer.

    Keys as of ``pyogrio.read_info``.

    Raises:
        FormatError: it cannot be read.
    """
    with _readable(path):
        if path.suffix.lower() == PARQUET:
            return _describe_parquet(path)
        info: Mapping[str, Any] = pyogrio.read_info(
            path, layer=layer, encoding=encoding, force_total_bounds=bounds
        )
        return info


def read(
    path: Path, layer: str, encoding: str | None, columns: Sequence[str], skip: int, limit: int
) -> pd.DataFrame:
    """Features ``skip`` to ``skip + limit`` of a layer, with the named columns.

    Raises:
        FormatError: they cannot be read.
    """
    with _readable(path):
        if path.suffix.lower() == PARQUET:
            return _read_parquet(path, columns, skip, limit)
        frame: pd.DataFrame = pyogrio.read_dataframe(
            path,
            layer=layer,
            encoding=encoding,
            columns=list(columns),
            skip_features=skip,
            max_features=limit,
            on_invalid="ignore",
        )
        return frame


def _geo(file: pq.ParquetFile, path: Path) -> tuple[str, dict[str, Any]]:
    """Name and description of the geometry column, after the GeoParquet specification."""
    metadata = file.schema_arrow.metadata or {}
    if b"geo" not in metadata:
        raise FormatError("it is Parquet, but no GeoParquet: it has no geometry", path=path)
    geo = json.loads(metadata[b"geo"])
    name = str(geo["primary_column"])
    column = dict(geo["columns"][name])
    if column.get("encoding") != "WKB":
        raise FormatError(
            f"its geometry is encoded as {column.get('encoding')}, not as WKB",
            path=path,
            remedy="export it again with WKB geometry",
        )
    return name, column


def _describe_parquet(path: Path) -> dict[str, Any]:
    with pq.ParquetFile(path) as file:
        name, column = _geo(file, path)
        fields = [f for f in file.schema_arrow if f.name != name and not pa.types.is_nested(f.type)]
        box = column.get("bbox")
        if box is None:
            shapes = shapely.from_wkb(_column(file.read(columns=[name]), name))
            box = shapely.total_bounds(shapes)
        kinds = {str(k).removesuffix(" Z") for k in column.get("geometry_types", ())}
        crs = column.get("crs", "OGC:CRS84")  # absent says so; null says that nobody knows
    half = len(box) // 2
    return {
        "fields": [f.name for f in fields],
        "dtypes": [str(np.dtype(f.type.to_pandas_dtype())) for f in fields],
        "geometry_type": kinds.pop() if len(kinds) == 1 else "Unknown",
        "crs": None if crs is None else pyproj.CRS.from_user_input(crs).to_wkt(),
        "total_bounds": (box[0], box[1], box[half], box[half + 1]),
    }


def _read_parquet(path: Path, columns: Sequence[str], skip: int, limit: int) -> pd.DataFrame:
    """Read only the row groups that hold the wanted rows."""
    with pq.ParquetFile(path) as file:
        name, _ = _geo(file, path)
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        begins = np.cumsum([0, *sizes])
        wanted = [
            i for i, n in enumerate(sizes) if begins[i] < skip + limit and begins[i] + n > skip
        ]
        first = int(begins[wanted[0]]) if wanted else 0
        table = file.read_row_groups(wanted, columns=[*columns, name]).slice(skip - first, limit)
    shapes = shapely.from_wkb(_column(table, name))
    frame: pd.DataFrame = gpd.GeoDataFrame(table.drop_columns([name]).to_pandas(), geometry=shapes)
    return frame


def _column(table: pa.Table, name: str) -> Any:
    return table[name].to_numpy(zero_copy_only=False)
