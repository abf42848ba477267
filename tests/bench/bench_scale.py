"""A city of 20 km² from end to end, killed twice: ``python -m tests.bench.bench_scale``.

Ingests a simulated oblique survey (``data-samples/generate.py --scale 7``: 35 × 35 tiles of 128 m)
through the real command line: once undisturbed, once killed after a third and again after two
thirds of its parts, and compares every file that was published. Prints time, CPU, peak memory, and
what a viewer fetches until the first view stands.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.bench_top import show

PROJECT = Path(__file__).resolve().parents[2]
LAYER = "base.oblique"


def generate(out: Path) -> Path:
    """Make the survey; takes a quarter of an hour on one core."""
    subprocess.run(
        [sys.executable, "data-samples/generate.py", "--out", out, "--scale", "7",
         "--products", "oblique"],
        cwd=PROJECT, check=True,
    )  # fmt: skip
    return out / "oblique"


def start(survey: Path, home: Path, workers: int, *more: str) -> subprocess.Popen[str]:
    """Start an ingest in a process group of its own."""
    words = [sys.executable, "-m", "cim.cli", "ingest", str(survey), "--layer", LAYER,
             "--workers", str(workers), "--report", str(home / "report.json"), *more]  # fmt: skip
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CIM_")}
    return subprocess.Popen(
        words, cwd=PROJECT, env={**kept, "CIM_DATA_DIR": str(home / "data")}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for its end; what it said."""
    said, _ = process.communicate()
    if process.returncode not in (0, 3):
        raise SystemExit(said[-2000:])
    return said


def kill_after(process: subprocess.Popen[str], home: Path, marks: int) -> int:
    """Kill it with all its workers once so many parts are finished; how many were."""
    staging = home / "data" / "staging" / LAYER
    while process.poll() is None:
        found = len(list(staging.glob("*/.parts/*.json")))
        if found >= marks:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            time.sleep(1.0)  # until the database has let go of the layer
            return found
        time.sleep(0.05)
    raise SystemExit("it ended before it could be killed: " + finish(process)[-500:])


def hashes(home: Path) -> dict[str, str]:
    """Digest of every published file but the marks, which name the run's own paths."""
    folder = home / "data" / "layers" / LAYER / "1"
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.startswith(".")
    }


def undisturbed(survey: Path, home: Path, workers: int) -> dict[str, Any]:
    """One run from start to end, with its costs."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    said = finish(start(survey, home, workers))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads((home / "report.json").read_text())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "wall": time.monotonic() - began,
        "cpu": cpu,
        "peak": report["peak_memory_bytes"],
        "report": report,
        "said": said.strip().splitlines()[-1],
    }


def stop(home: Path) -> None:
    """Stop the database of one run."""
    subprocess.run(
        [sys.executable, "-m", "cim.cli", "db", "down"], cwd=PROJECT, check=False,
        env={**os.environ, "CIM_DATA_DIR": str(home / "data")}, capture_output=True,
    )  # fmt: skip


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("survey", nargs="?", type=Path, help="made anew if none is given")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o711)
        survey = (asked.survey or generate(place / "survey")).resolve()
        one = undisturbed(survey, place / "whole", asked.workers)
        parts = one["report"]["parts"]
        megabytes = sum(i["bytes"] for i in one["report"]["inputs"]) / 1e6
        print(f"{one['said']}")  # noqa: T201
        print(f"{parts['read']} parts, {megabytes:.0f} MB: {one['wall']:.0f} s, "  # noqa: T201
              f"{one['cpu']:.0f} s CPU, peak {one['peak'] / 1e6:.0f} MB a process")  # fmt: skip
        first = kill_after(start(survey, place / "killed", asked.workers), place / "killed",
                           parts["read"] // 3)  # fmt: skip
        second = kill_after(start(survey, place / "killed", asked.workers), place / "killed",
                            parts["read"] * 2 // 3)  # fmt: skip
        finish(start(survey, place / "killed", asked.workers))
        again = json.loads((place / "killed" / "report.json").read_text())["parts"]
        same = hashes(place / "whole") == hashes(place / "killed")
        outcome = "the same" if same else "NOT the same"
        said = f"killed after {first} and {second} parts, {again['resumed']} resumed"
        print(f"{said}: {len(hashes(place / 'whole'))} files are {outcome}")  # noqa: T201
        show(place / "whole" / "data" / "layers" / LAYER / "1" / "tileset.json")
        for name in ("whole", "killed"):
            stop(place / name)
        if not same:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
