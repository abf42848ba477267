"""Digests that say when a part, or a whole version, is what it was before.

A part's key is made of everything that decides its files: its inputs' checksums and their names
below the part, the parts it needs, the source's edition, options and parameters, and the city's
CRS and geoid. It holds no path of a machine and no clock, so a delivery keeps its keys on another
disk.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cim.ingest.report import Input
from cim.ingest.source import Parcel, Plan, Request, Source

LENGTH = 16  # hexadecimal digits of a key


def digest(values: Any) -> str:
    """Digest of JSON values; what JSON does not know counts as its text."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:LENGTH]


def common_key(reader: Source, plan: Plan, request: Request) -> str:
    """Digest of what decides every part alike."""
    return digest(
        {
            "source": reader.name,
            "edition": reader.edition,
            "parameters": dict(plan.parameters),
            "options": reader.options.of(request).model_dump(mode="json"),
            "crs": request.crs,
            "heights": str(request.heights),
            "origin": request.origin,
            "city": [request.city.compute_crs.to_wkt(), request.city.geoid_source],
        }
    )


def part_keys(
    common: str,
    parcels: Sequence[Parcel],
    inputs: Mapping[str, Input],
    before: Mapping[str, str],
) -> dict[str, str]:
    """The key of each parcel by its id.

    Args:
        common: From ``common_key``.
        parcels: The parts.
        inputs: Checksums by path.
        before: Keys of finished parts, for those that the parcels need.
    """
    return {parcel.id: _part_key(common, parcel, inputs, before) for parcel in parcels}


def _part_key(
    common: str, parcel: Parcel, inputs: Mapping[str, Input], before: Mapping[str, str]
) -> str:
    beside = parcel.path.parent
    read = [
        (os.path.relpath(path, beside), inputs[str(path)].sha256 if str(path) in inputs else None)
        for path in parcel.inputs
    ]
    needs = [(other, before.get(other)) for other in parcel.needs]
    return digest([common, parcel.id, sorted(read), needs, parcel.decides])


def version_key(
    common: str, parts: Mapping[str, str], extra: Sequence[Input], request: Request
) -> str:
    """Digest of all that decides a version: equal keys are equal content.

    Args:
        common: From ``common_key``.
        parts: Keys of the parts that are made from inputs, by id.
        extra: Inputs beside the parts' own.
        request: For the layer's declaration and the city's bounds.
    """
    return digest(
        {
            "common": common,
            "parts": sorted(parts.items()),
            "extra": [i.sha256 for i in extra],
            "bounds": list(request.city.bounds),
            "layer": None if request.layer is None else asdict(request.layer),
            "id": request.layer_id,
        }
    )
