"""Looks at one glb file as a stranger would, with a parser that shares nothing with the writer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.tiles.gltf_document import Broken, Gltf, Numbers, chunks
from cim.tiles.gltf_features import check_features

_SIGNATURES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "image/webp": b"RIFF"}
_QUANTIZED = "KHR_mesh_quantization"
_FLOAT = 5126
_LARGEST = 1e12


@dataclass(slots=True)
class GlbFacts:
    """What a file holds.

    Args:
        positions: Vertices of each mesh node in the file's own z-up frame, m: (n, 3) float64.
        triangles: Number of triangles.
        points: Number of points.
        features: Number of rows of the table of features.
        errors: Broken rules.
        notes: What is odd, but breaks no rule.
        half_step: Half a step of quantized positions, m: so far they may lie off.
    """

    positions: list[npt.NDArray[np.float64]] = field(default_factory=list)
    triangles: int = 0
    points: int = 0
    features: int = 0
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    half_step: float = 0.0


def look(source: Path | bytes | memoryview) -> GlbFacts:
    """Read a file, or the bytes of one, and list every rule that it breaks."""
    facts = GlbFacts()
    try:
        raw = source.read_bytes() if isinstance(source, Path) else source
        with np.errstate(all="ignore"):
            _Look(Gltf(*chunks(raw)), facts).all()
    except Broken as error:
        facts.errors.append(str(error))
    except OSError as error:
        facts.errors.append(f"it cannot be read: {error.strerror}")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        facts.errors.append(f"the JSON chunk is incomplete: {type(error).__name__} {error}")
    return facts


class _Look:
    def __init__(self, gltf: Gltf, facts: GlbFacts) -> None:
        self.gltf = gltf
        self.facts = facts
        self.table_rows: list[int] = []

    def all(self) -> None:
        """Every mesh that a scene shows, every image, and the table of features."""
        gltf = self.gltf
        for buffer in gltf.items("buffers")[:1]:
            if "uri" not in buffer and not 0 <= len(gltf.binary) - buffer["byteLength"] <= 3:
                raise Broken("buffer 0 and the BIN chunk differ in length")
        used, required = set(gltf.items("extensionsUsed")), set(gltf.items("extensionsRequired"))
        if not required <= used:
            raise Broken(f"extensionsRequired are not among those used: {sorted(required - used)}")
        for index, image in enumerate(gltf.items("images")):
            data = gltf.image(index)
            signature = _SIGNATURES.get(image.get("mimeType", ""), b"")
            if data is not None and bytes(data[: len(signature)]) != signature:
                raise Broken(f"image {index} is no {image['mimeType']}")
        self.table_rows = check_features(gltf)
        self.facts.features = sum(self.table_rows)
        for node, matrix in gltf.placed():
            if not np.abs(matrix).max() <= _LARGEST:
                raise Broken("a node's transformation is beyond all measure")
            for primitive in gltf.items("meshes")[node["mesh"]]["primitives"]:
                self._primitive(primitive, matrix)

    def _primitive(self, primitive: dict[str, Any], matrix: Numbers) -> None:
        gltf = self.gltf
        if "material" in primitive:
            gltf.items("materials")[primitive["material"]]
        if "POSITION" not in primitive["attributes"]:
            return
        attributes = {n: gltf.accessor(i) for n, i in primitive["attributes"].items()}
        lengths = {len(a) for a in attributes.values() if a is not None}
        if len(lengths) > 1:
            raise Broken(f"attributes of one primitive differ in length: {sorted(lengths)}")
        for name, index in primitive["attributes"].items():
            self._attribute(name, index)
        positions = gltf.real(primitive["attributes"]["POSITION"])
        if positions is None:
            self._packed(primitive)
            return
        if "indices" in primitive:
            indices = gltf.accessor(primitive["indices"])
            if indices is not None:
                self._indices(indices, len(positions), primitive.get("mode", 4))
        elif primitive.get("mode", 4) == 0:
            self.facts.points += len(positions)
        self._features(primitive, attributes)
        stored = attributes["POSITION"]
        if stored is not None and stored.dtype.kind != "f":
            step = float(np.linalg.norm(matrix[:3, :3], axis=0).max())
            accessor = gltf.items("accessors")[primitive["attributes"]["POSITION"]]
            whole = np.iinfo(stored.dtype).max if accessor.get("normalized") else 1
            self.facts.half_step = max(self.facts.half_step, step / whole / 2)
        points = positions @ matrix[:3, :3].T + matrix[:3, 3]
        self.facts.positions.append(np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1))

    def _packed(self, primitive: dict[str, Any]) -> None:
        """Note what only a viewer can decode, once."""
        how = ", ".join(sorted(primitive.get("extensions", {}))) or "a sparse accessor"
        note = f"vertices packed by {how} were not looked into"
        if note not in self.facts.notes:
            self.facts.notes.append(note)

    def _attribute(self, name: str, index: int) -> None:
        accessor = self.gltf.items("accessors")[index]
        if "bufferView" not in accessor:
            return
        view = self.gltf.items("bufferViews")[accessor["bufferView"]]
        stride = view.get("byteStride")
        if (stride is not None and stride % 4) or accessor.get("byteOffset", 0) % 4:
            raise Broken(f"attribute {name} is not aligned to four bytes")
        if name == "POSITION" and accessor["componentType"] != _FLOAT:
            if _QUANTIZED not in self.gltf.items("extensionsRequired"):
                raise Broken(f"positions are no floats, and {_QUANTIZED} is not required")
            if "min" not in accessor or "max" not in accessor:
                raise Broken("positions without min and max")

    def _features(self, primitive: dict[str, Any], attributes: dict[str, Any]) -> None:
        told = primitive.get("extensions", {}).get("EXT_mesh_features", {}).get("featureIds", [])
        for one in told:
            table = one.get("propertyTable")
            if table is not None and not 0 <= table < len(self.table_rows):
                raise Broken(f"feature ids name the missing property table {table}")
            if one["featureCount"] < 1:
                raise Broken("feature ids with a featureCount below 1")
            if "attribute" in one:
                name = f"_FEATURE_ID_{one['attribute']}"
                ids = attributes.get(name)
                if name not in attributes:
                    raise Broken(f"feature ids without the attribute {name}")
                if ids is not None:
                    self._ids(ids, one, None if table is None else self.table_rows[table])

    def _ids(self, ids: Numbers, told: dict[str, Any], rows: int | None) -> None:
        known = ids if "nullFeatureId" not in told else ids[ids != told["nullFeatureId"]]
        if not len(known):
            return
        if known.min() < 0 or (ids.dtype.kind == "f" and (known != np.rint(known)).any()):
            raise Broken("a feature id is no whole number from 0")
        if rows is not None and int(known.max()) >= rows:
            raise Broken(f"a feature id of {int(known.max())} where the table has {rows} rows")
        present = np.bincount(known.astype(np.int64)) if known.max() < 1 << 24 else known
        count = int(np.count_nonzero(present)) if present is not known else len(np.unique(known))
        if count > told["featureCount"]:
            raise Broken(f"{count} features where featureCount is {told['featureCount']}")

    def _indices(self, indices: Numbers, count: int, mode: int) -> None:
        if len(indices) and int(indices.max()) >= count:
            raise Broken(f"an index of {int(indices.max())} where there are {count} vertices")
        if mode == 4:
            if len(indices) % 3:
                raise Broken(f"{len(indices)} indices make no whole triangles")
            self.facts.triangles += len(indices) // 3
