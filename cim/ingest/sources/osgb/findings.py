"""What is to be told of a tile folder, once it is converted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from cim.ingest.source import Problem

MOST_NAMES = 200
FLOAT_STEP = 0.001  # m


@dataclass(slots=True)
class Findings:
    """What is to be told of a folder."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    refused: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)
    farthest: float = 0.0

    def tell(self, where: str) -> None:
        """Add warnings about the folder as a whole."""
        if self.dangling:
            self.counts["dangling"] += len(self.dangling)
            names = ", ".join(self.dangling[:MOST_NAMES])
            more = len(self.dangling) - MOST_NAMES
            self.warnings.append(
                Problem(
                    path=where,
                    reason=f"{len(self.dangling)} linked files are not there; the coarser level "
                    f"stays in their place: {names}" + (f" and {more} more" if more > 0 else ""),
                    remedy="deliver them too if the finest level is wanted",
                )
            )
        for kind, number in sorted(self.faults.items()):
            self.warnings.append(Problem(path=where, reason=f"{kind}: {number}, left out"))
        step = float(np.spacing(np.float32(self.farthest)))
        if step > FLOAT_STEP:
            self.warnings.append(
                Problem(
                    path=where,
                    reason=f"vertices lie up to {self.farthest / 1000:.1f} km from SRSOrigin as "
                    f"32-bit numbers: their own step is {step * 1000:.0f} mm",
                    remedy="export with an origin near the data for a finer step",
                )
            )
