"""Decodes one LAS or LAZ file in a process of its own, within limits of memory and time.

Run by path, so that nothing of the program is imported: ``python decode.py FILE BYTES SECONDS``.
Writes to standard output a line of JSON, then packed records in the order of the file, see
``RECORD``. A decoder that aborts, or asks for all the memory there is, takes only this process
with it.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import numpy as np

CHUNK = 500_000
RECORD = np.dtype(
    [("x", "<i4"), ("y", "<i4"), ("z", "<i4"), ("intensity", "<u2"), ("classification", "u1"),
     ("return_number", "u1"), ("rgb", "<u2", (3,))]
)  # fmt: skip


def records(points: Any, names: set[str]) -> Any:
    """Packed records of a chunk of points.

    Args:
        points: laspy's points of one chunk.
        names: Dimensions of the file.
    """
    result = np.zeros(len(points), RECORD)
    result["x"], result["y"], result["z"] = points["X"], points["Y"], points["Z"]
    for name in ("intensity", "classification", "return_number"):
        if name in names:
            result[name] = points[name]
    if {"red", "green", "blue"} <= names:
        for column, name in enumerate(("red", "green", "blue")):
            result["rgb"][:, column] = points[name]
    return result


def main() -> int:
    """Decode; 0 when all announced points were written."""
    path, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import laspy  # noqa: PLC0415 - only once the limits hold

    out = sys.stdout.buffer
    try:
        with laspy.open(path, laz_backend=laspy.LazBackend.Lazrs) as reader:
            layout = reader.header.point_format
            names = set(layout.dimension_names)
            extra = list(layout.extra_dimension_names)
            out.write(json.dumps({"colors": "red" in names, "extra": extra}).encode() + b"\n")
            for points in reader.chunk_iterator(CHUNK):
                out.write(records(points, names).data)
            out.flush()
    except MemoryError:
        sys.stderr.write("it asks for more memory than a decoder is given")
        return 3
    except BrokenPipeError:
        return 4
    except Exception as error:  # noqa: BLE001 - whatever the decoder says of a bad file
        sys.stderr.write(f"{type(error).__name__}: {error}")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
