"""Write the golden: ``sh tests/golden/ground/make.sh``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from tests.golden.ground.oracles import gdal, grass

PATH = Path(__file__).parent / "ground.npz"


def main() -> None:
    """All rasters in one file."""
    with tempfile.TemporaryDirectory() as folder:
        said = {**gdal(Path(folder)), **grass(Path(folder))}
    arrays = {name: values.astype(np.float32) for name, values in said.items()}
    np.savez_compressed(PATH, allow_pickle=False, **arrays)
    print(PATH, PATH.stat().st_size)  # noqa: T201


if __name__ == "__main__":
    main()
