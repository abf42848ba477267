"""Points of one file, chunk by chunk, from a decoder that runs in a limited process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError
from cim.ingest.sources.points.decode import CHUNK, RECORD

DECODER = Path(__file__).with_name("decode.py")
MEMORY = 2 << 30  # bytes of address space of the decoder
PATIENCE = 60  # s that every file is given
SLOWEST = 20_000  # points that a decoder must manage in a second
MOST_LINE = 1 << 20

Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the decoder says of a file.

    Args:
        colors: Whether its points have them.
        extra: Names of dimensions beyond the standard's.
    """

    colors: bool
    extra: tuple[str, ...]


class Decoding:
    """The points of one file; use it as a context, so that the process always ends.

    Args:
        path: LAS or LAZ.
        announced: Points that the header announces; fewer or more are an error.
        memory: Bytes of address space.
        seconds: Of processor and of wall time; None for a limit that fits the file.
    """

    def __init__(
        self, path: Path, announced: int, *, memory: int = MEMORY, seconds: int | None = None
    ) -> None:
        self.path = path
        self.announced = announced
        self.seconds = seconds or PATIENCE + announced // SLOWEST
        self.memory = memory
        self.late = False
        self.complaint: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - __exit__ does
        self.layout = Layout(False, ())

    def __enter__(self) -> Self:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(DECODER), str(self.path), str(self.memory),
             str(self.seconds)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.complaint,
            env=environment,
        )  # fmt: skip
        self.clock = threading.Timer(self.seconds, self._stop)
        self.clock.daemon = True
        self.clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.clock.cancel()
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process.wait()
        self.complaint.close()

    def _stop(self) -> None:
        self.late = True
        with suppress(ProcessLookupError):
            self.process.kill()

    def chunks(self) -> Iterator[Records]:
        """Records of at most ``CHUNK`` points.

        Raises:
            FormatError: the decoder failed, died, took too long, or gave another number of points.
        """
        out = self.process.stdout
        assert out is not None  # noqa: S101 - it was asked for
        line = out.readline(MOST_LINE)
        if line.endswith(b"\n"):
            told: dict[str, Any] = json.loads(line)
            self.layout = Layout(bool(told["colors"]), tuple(told["extra"]))
        found = 0
        while line:
            raw = out.read(CHUNK * RECORD.itemsize)
            chunk = np.frombuffer(raw[: len(raw) // RECORD.itemsize * RECORD.itemsize], RECORD)
            found += len(chunk)
            if not len(chunk):
                break
            if found > self.announced:
                raise self._error(f"more than the {self.announced} points that it announces")
            yield chunk
        self._ended(found)

    def _ended(self, found: int) -> None:
        code = self.process.wait()
        length = self.complaint.seek(0, os.SEEK_END)
        self.complaint.seek(max(0, length - 2000))  # the reason stands last, below its traceback
        said = self.complaint.read(2000).decode("utf-8", "replace").strip().splitlines()
        if self.late:
            raise self._error(f"decoding it took more than {self.seconds} s")
        if code < 0:
            raise self._error(f"its decoder died of signal {-code} after {found} points")
        if code:
            reason = said[-1][:300] if said else f"code {code}"
            raise self._error(f"it cannot be decoded after {found} points: {reason}")
        if found != self.announced:
            raise self._error(f"it announces {self.announced} points and holds {found}")

    def _error(self, reason: str) -> FormatError:
        return FormatError(
            reason, path=self.path, remedy="export the file again with the program that made it"
        )
