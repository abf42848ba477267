"""A source of text files, to see what becomes of parts whatever happens to their workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from cim.city import Bounds
from cim.errors import FormatError
from cim.ingest.source import (
    Built,
    Check,
    Options,
    Parcel,
    Plan,
    Product,
    Request,
    Source,
)
from cim.layers import Kind, Layer
from cim.store.files import write_json

PLACE = Bounds(106.6, 35.2, 106.61, 35.21)


class Shout(Options):
    """How to write it."""

    loud: bool = True


class ToySource(Source):
    """One part a file; pairs of neighbours are joined, and joined again, up to one root."""

    name: ClassVar[str] = "toy"
    kind: ClassVar[Kind] = Kind.MESH
    reads: ClassVar[str] = "a folder of .toy files"
    options: ClassVar[type[Options]] = Shout

    def supports(self, path: Path) -> bool:
        """Any folder."""
        return path.is_dir()

    def plan(self, request: Request) -> Plan:
        """One parcel a file."""
        files = sorted(request.paths[0].glob("*.toy"))
        parcels = [
            Parcel(id=f.stem, path=f, inputs=(f,), bytes=f.stat().st_size, folder=f"parts/{f.stem}")
            for f in files
        ]
        return Plan(parcels=tuple(parcels), extent=PLACE)

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Write the text aloud, or do what the text says."""
        assert parcel.folder is not None
        folder = staging / parcel.folder
        folder.mkdir(parents=True)
        if parcel.needs:
            texts = [(staging / "parts" / n / "out.txt").read_text() for n in parcel.needs]
            (folder / "out.txt").write_text("+".join(texts))
            return Built(parcel=parcel.id, facts={"level": parcel.payload})
        text = parcel.path.read_text()
        flag = parcel.path.with_suffix(".flag")
        if text == "die" or (text == "die once" and not flag.exists()):
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "stumble":
            raise TypeError("two left feet")
        if text == "bad":
            raise FormatError("it is bad", path=parcel.path, remedy="make it good")
        loud = Shout.of(request).model_dump()["loud"]
        (folder / "out.txt").write_text(text.upper() if loud else text)
        return Built(parcel=parcel.id, facts={"level": 0}, counts={"files": 1}, extent=PLACE)

    def further(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """Pairs of the highest level."""
        top = max(b.facts["level"] for b in built)
        highest = [b.parcel for b in built if b.facts["level"] == top]
        if len(highest) < 2:
            return ()
        pairs = [highest[i : i + 2] for i in range(0, len(highest), 2)]
        return tuple(
            Parcel(
                id=f"{top + 1}-{'-'.join(pair)}", path=request.paths[0], inputs=(), bytes=0,
                payload=top + 1, folder=f"parts/{top + 1}-{'-'.join(pair)}", needs=tuple(pair),
            )
            for pair in pairs
        )  # fmt: skip

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Name the parts."""
        write_json(staging / "index.json", [b.parcel for b in built])
        proposed = Layer(id=request.layer_id, title="玩具", kind=Kind.MESH)
        return Product(extent=PLACE, media={"tileset": "index.json"}, proposed=proposed)

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Nothing can be wrong."""
        return (Check(name="toy", looked_at=1),)
