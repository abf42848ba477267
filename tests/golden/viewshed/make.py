"""Write the goldens: ``sh tests/golden/viewshed/make.sh``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from tests.golden.viewshed.oracles import CASES, gdal, grass


def main() -> None:
    """One file for each case."""
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(__file__).parent / f"{case.name}.npz"
            np.savez_compressed(
                path,
                heights=case.heights,
                gdal=np.packbits(gdal(case, Path(folder))),
                grass=np.packbits(grass(case, Path(folder))),
            )
            print(path, path.stat().st_size)  # noqa: T201


if __name__ == "__main__":
    main()
