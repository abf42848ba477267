"""Documents of a revised tileset: the survey's, less what is gone, and the root above it all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from cim.geo.frames import enu_matrix, lonlat_height
from cim.tiles.tileset import Box, write

Floats = npt.NDArray[np.float64]

SURVEY = "survey.json"  # the tileset that was revised, below the root of the revision
REFINED = "refined"


def forget(staging: Path, document: str, path: str) -> None:
    """Drop content that is no more from a document; its tile stays, and draws nothing.

    Args:
        staging: The version's folder.
        document: The tileset that names it, relative; it may be a link and is written anew.
        path: The content, relative to the version's folder.
    """
    place = staging / document
    tileset = json.loads(place.read_bytes())
    ahead = [tileset["root"]]
    while ahead:
        tile = ahead.pop()
        uri = tile.get("content", {}).get("uri")
        if uri is not None and _named(place, str(uri)) == staging / path:
            del tile["content"]
        ahead += tile.get("children", [])
    place.unlink()
    place.write_text(json.dumps(tileset))


def _named(document: Path, uri: str) -> Path:
    return Path(os.path.normpath(document.parent / unquote(uri)))


def write_root(staging: Path, models: Sequence[str]) -> None:
    """The root: the survey and all refined models beside it."""
    survey = json.loads((staging / SURVEY).read_bytes())
    children = [_child(SURVEY, survey["root"], np.eye(4))]
    for name in models:
        uri = f"{REFINED}/{name}/tileset.json"
        document = json.loads((staging / uri).read_bytes())
        children.append(_child(uri, document["root"], np.eye(4)))
    corners = np.concatenate([c.pop("corners") for c in children])
    axes = enu_matrix(*lonlat_height(corners.mean(axis=0, keepdims=True))[0, :2].tolist())
    box = Box.around((corners - axes[:3, 3]) @ axes[:3, :3])
    error = max(float(np.linalg.norm(box.high - box.low)), *(c["geometricError"] for c in children))
    root = {
        "boundingVolume": box.volume(axes),
        "geometricError": error,
        "refine": "ADD",
        "children": children,
    }
    write(staging / "tileset.json", root, error, survey["asset"].get("extras"))


def _child(uri: str, root: Mapping[str, Any], matrix: Floats) -> dict[str, Any]:
    """A tile that holds an external tileset, with the corners of its box in ECEF."""
    if "transform" in root:
        matrix = np.array(root["transform"], np.float64).reshape(4, 4).T
    box = np.array(root["boundingVolume"]["box"], np.float64)
    centre = matrix[:3, :3] @ box[:3] + matrix[:3, 3]
    halves = box[3:].reshape(3, 3) @ matrix[:3, :3].T
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return {
        "boundingVolume": {"box": [*centre.tolist(), *halves.ravel().tolist()]},
        "geometricError": root["geometricError"],
        "refine": "REPLACE",
        "content": {"uri": uri},
        "corners": centre + signs @ halves,
    }
