"""The ground of a whole county, 1183 km²: ``python -m tests.bench.bench_county [--work DIR]``.

A 15 m DEM of 34.4 × 34.4 km from the sample's generator, and an orthophoto of 4.7 gigapixels at
0.5 m: the generator's own sheets, copied side by side (the generator itself would draw for hours;
reading, warping and encoding cost the same). Both go through the real command line with two
workers. Prints time, CPU, the peak memory of all processes together, and the disk that is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import rasterio
from affine import Affine

from tests.bench.bench_scale import PROJECT, stop

SIDE = 34_350.0  # m
SCALE = 23


def generate(folder: Path) -> None:
    """The DEM and the city's profile from the generator, the sheets by copying."""
    subprocess.run(
        [sys.executable, "data-samples/generate.py", "--out", folder, "--scale", str(SCALE),
         "--products", "dem"],
        cwd=PROJECT, check=True,
    )  # fmt: skip
    sheets = sorted((PROJECT / "data-samples" / "huating" / "ortho").glob("*.tif"))
    boxes = []
    for sheet in sheets:
        with rasterio.open(sheet) as image:
            boxes.append(image.bounds)
    west, south = min(b.left for b in boxes), min(b.bottom for b in boxes)
    wide, high = max(b.right for b in boxes) - west, max(b.top for b in boxes) - south
    with rasterio.open(next((folder / "dem").glob("*.tif"))) as dem:
        corner = (dem.bounds.left + 100, dem.bounds.bottom + 100)
    (folder / "ortho").mkdir()
    for row in range(int((SIDE - 200) / high)):
        for column in range(int((SIDE - 200) / wide)):
            shift = (corner[0] + column * wide - west, corner[1] + row * high - south)
            for number, sheet in enumerate(sheets):
                copy = folder / "ortho" / f"DOM_{row:02}_{column:02}_{number}.tif"
                shutil.copy(sheet, copy)
                copy.chmod(0o644)
                with rasterio.open(copy, "r+") as image:
                    image.transform = Affine.translation(*shift) @ image.transform


class Memory(threading.Thread):
    """Watches the resident memory of a process and all of its children, shared pages once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._root = psutil.Process(pid)

    def run(self) -> None:
        """Look four times a second until the process is gone."""
        while True:
            try:
                family = [self._root, *self._root.children(recursive=True)]
                self.peak = max(self.peak, sum(p.memory_info().rss for p in family))
            except psutil.Error:
                if not self._root.is_running():
                    return
            time.sleep(0.25)


def ingest(delivery: Path, layer: str, folder: Path) -> None:
    """Run the command and print what it took."""
    home, report = folder / "data", folder / f"{layer}.json"
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "cim.cli", "ingest", str(delivery), "--layer", layer,
         "--workers", "2", "--report", str(report)],
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "CIM_DATA_DIR": str(home), "CIM_CITY": str(folder / "city.toml")},
    )  # fmt: skip
    memory = Memory(process.pid)
    memory.start()
    said, _ = process.communicate()
    if process.returncode not in (0, 3):
        raise SystemExit(said[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    given = sum(i["bytes"] for i in json.loads(report.read_text())["inputs"])
    made = [p for p in (home / "layers" / layer).rglob("*") if p.is_file()]
    print(said.strip().splitlines()[-1])  # noqa: T201
    print(  # noqa: T201
        f"{layer}: {given / 1e6:.0f} MB in, {time.monotonic() - began:.0f} s wall, {cpu:.0f} s "
        f"CPU, peak {memory.peak / 1e9:.2f} GB of all processes, "
        f"{sum(p.stat().st_size for p in made) / 1e6:.0f} MB in {len(made)} files",
        flush=True,
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, help="folder to keep; a temporary one without")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.work or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        if not (folder / "ortho").is_dir():
            generate(folder)
        try:
            ingest(folder / "dem", "base.dem", folder)
            ingest(folder / "ortho", "base.ortho", folder)
        finally:
            stop(folder)


if __name__ == "__main__":
    main()
