"""Asking an analysis: check the question, answer it once, keep the answer as plain JSON.

An answer is known by a digest of the question and of the versions of all layers it reads, so that
the same question about the same data is computed once and a new publication asks anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Engine

from cim import __version__
from cim.catalog.tables import LAYER, VERSION
from cim.city import City
from cim.errors import NotFoundError, StorageError
from cim.store.database import ready
from cim.store.files import Files, write_json
from cim.store.kept import Keep, sweep_now_and_then, used
from cim.store.uploads import SAMPLE, Uploads, is_upload
from cim.topic import Analysis, Context, Parameters, Result, Table

_IDENTITY = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: the installation's city, database and folders."""

    city: City
    engine: Engine
    files: Files
    uploads: Uploads
    keep: Keep = field(default_factory=Keep)

    def ask(self, analysis: Analysis, values: Mapping[str, Any]) -> dict[str, Any]:
        """The answer as JSON values.

        Raises:
            ParameterError: the parameters do not fit.
            CimError: what the analysis itself refuses.
        """
        parameters = analysis.parse(values)
        identity = self._identity(analysis, parameters)
        folder = self.files.results / identity
        for _ in range(3):  # one that another process sweeps meanwhile is made again
            if (answer := _kept(folder)) is not None:
                used(folder)
                return answer
            self._compute(analysis, parameters, identity, folder)
        raise StorageError("the answer cannot be kept", path=folder, remedy="check CIM_DATA_DIR")

    def folder(self, identity: str) -> Path:
        """Folder of an answer.

        Raises:
            NotFoundError: no such answer, or no longer kept.
        """
        folder = self.files.results / identity
        if not _IDENTITY.fullmatch(identity) or not (folder / "result.json").exists():
            raise NotFoundError(
                f"there is no result {identity[:60]}", remedy="run the analysis again"
            )
        used(folder)
        return folder

    def _identity(self, analysis: Analysis, parameters: Parameters) -> str:
        reads = analysis.reads(parameters)
        with ready(self.engine) as connection:
            keys = connection.execute(
                sa.select(VERSION.c.layer, VERSION.c.version, VERSION.c.key)
                .join(LAYER, sa.and_(LAYER.c.id == VERSION.c.layer,
                                     LAYER.c.current_version == VERSION.c.version))
                .where(VERSION.c.layer.in_(reads))
                .order_by(VERSION.c.layer)
            ).all()  # fmt: skip
        question = {
            "analysis": analysis.id,
            "method": analysis.version,
            "code": __version__,
            "parameters": parameters.model_dump(mode="json"),
            "reads": [tuple(row) for row in keys],
            "samples": self._samples(parameters),
            "city": [
                self.city.name,
                list(self.city.bounds),
                self.city.compute_crs.to_wkt(),
                self.city.climate_zone,
                self.city.population,
                self.city.height_datum,
                self.city.geoid_source,
            ],
        }
        text = json.dumps(question, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def _samples(self, parameters: Parameters) -> list[str]:
        """What the sample files among the parameters hold: an upload's id says that by itself."""
        named = sorted({text for text in _texts(parameters.model_dump(mode="json"))
                        if text.startswith(f"{SAMPLE}/") and is_upload(text)})  # fmt: skip
        return [hashlib.sha256(self.uploads.path(text).read_bytes()).hexdigest() for text in named]

    def _compute(
        self, analysis: Analysis, parameters: Parameters, identity: str, folder: Path
    ) -> None:
        """Answer in a folder beside, then rename: two that ask at once both get a whole answer."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{identity}.", dir=folder.parent))
        try:
            context = Context(
                city=self.city, engine=self.engine, files=self.files, folder=work,
                uploads=self.uploads,
            )  # fmt: skip
            result = analysis.run(parameters, context)
            said = _plain(_to_json(analysis, parameters, identity, result))
            write_json(work / "result.json", said)
            if not (folder / "result.json").exists():
                shutil.rmtree(folder, ignore_errors=True)  # a cache swept by halves
                with suppress(OSError):  # another was faster
                    work.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        sweep_now_and_then(folder.parent, self.keep)


def _kept(folder: Path) -> dict[str, Any] | None:
    """An answer given before; None where there is none, or it has just been swept."""
    try:
        answer: dict[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return answer


def _texts(value: Any) -> Iterator[str]:
    """All texts inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _to_json(
    analysis: Analysis, parameters: Parameters, identity: str, result: Result
) -> dict[str, Any]:
    coverage = result.coverage
    return {
        "analysis": analysis.id,
        "id": identity,
        "title": analysis.title,
        "title_en": analysis.title_en,
        "summary": [asdict(figure) for figure in result.summary],
        "features": result.features,
        "coverage": None
        if coverage is None
        else {
            "file": coverage.path.name,
            "url": f"/api/results/{identity}/{{z}}/{{x}}/{{y}}.png",
            "download": f"/api/results/{identity}/{coverage.path.name}",
            "bounds": list(coverage.bounds),
            "minzoom": 0,
            "maxzoom": 18,
            "legend": [asdict(entry) for entry in coverage.legend],
        },
        "timeline": result.timeline,
        "series": [asdict(s) for s in result.series] or None,
        "tables": [_table(table) for table in result.tables],
        "attachments": [
            {
                "file": attachment.path.name,
                "url": f"/api/results/{identity}/{attachment.path.name}",
                "title": attachment.title,
                "title_en": attachment.title_en,
                "media_type": attachment.media_type,
            }
            for attachment in result.attachments
        ],
        "following": [asdict(follows) for follows in result.following],
        "viewpoint": None if result.viewpoint is None else asdict(result.viewpoint),
        "provenance": {
            "analysis": analysis.id,
            "method_version": analysis.version,
            "code_version": __version__,
            "parameters": parameters.model_dump(mode="json"),
            "references": list(analysis.references),
            **result.provenance,
        },
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "title_en": table.title_en,
        "columns": [
            dict(zip(("key", "title", "title_en", "unit"), c, strict=True)) for c in table.columns
        ],
        "rows": [dict(row) for row in table.rows],
        "again": table.again and dict(zip(("title", "title_en"), table.again, strict=True)),
    }


def _plain(value: Any) -> Any:
    """The same in JSON's own types: arrays as lists, what is no number as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return None if value is pd.NaT or value is pd.NA else str(value)
