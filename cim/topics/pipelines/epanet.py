"""Asking EPANET: a folder, a process with limits, and what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cim.errors import MissingError, ParameterError
from cim.topics.pipelines.analysis.hydraulic import Simulation
from cim.topics.pipelines.epanet_process import LACKING

SECONDS = 60  # of the processor, for one question
WALL = 240
MOST_HOURS = 168
MOST_TEXT = 20 << 20  # bytes of a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One model to solve.

    Args:
        text: INP.
        times: Options of time to set, s, in the words of WNTR; those of the model without.
        required: Pressure at which users get all they want, m; None leaves the model's own.
        describe: Whether its nodes and links are wanted.
    """

    text: str
    times: Mapping[str, int] | None = None
    required: float | None = None
    describe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an order.

    Args:
        simulation: None where it went wrong.
        model: Nodes and links, where they were ordered and could be read.
        error: What went wrong, in the words of EPANET or WNTR.
    """

    simulation: Simulation | None = None
    model: Mapping[str, Any] | None = None
    error: str = ""


def ask(orders: Sequence[Order], folder: Path) -> list[Simulation]:
    """Have EPANET solve models, one after the other, in a folder below the one given.

    Raises:
        ParameterError: a model is wrong, does not converge, or takes too long.
    """
    found = []
    for answer in tried(orders, folder):
        if answer.simulation is None:
            raise refusal(answer.error)
        found.append(answer.simulation)
    return found


def tried(orders: Sequence[Order], folder: Path) -> list[Answer]:
    """As ``ask``, but hand back what is wrong with the models; after the first bad one it ends.

    Raises:
        ParameterError: it takes too long, or the process came to an end without a word.
    """
    with tempfile.TemporaryDirectory(prefix="epanet", dir=folder) as name:
        here = Path(name)
        for i, order in enumerate(orders):
            _bounded(order.text)
            (here / f"{i}.inp").write_text(order.text, "utf-8")
        (here / "job.json").write_text(json.dumps([
            {"name": str(i), "times": order.times, "required": order.required,
             "describe": order.describe}
            for i, order in enumerate(orders)
        ]))  # fmt: skip
        _run(here)
        return _answers(here)


def _bounded(text: str) -> None:
    if len(text) > MOST_TEXT:
        raise ParameterError(
            f"the model has {len(text)} characters, more than {MOST_TEXT}",
            remedy="give the model of one district",
        )


def _run(folder: Path) -> None:
    program = Path(__file__).with_name("epanet_process.py")
    command = [sys.executable, "-I", str(program), str(folder), str(SECONDS)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=WALL, check=False,
            cwd=folder, env=_environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ParameterError(
            f"EPANET was not done after {WALL} s", remedy="ask for fewer hours or longer steps"
        ) from error
    last = (done.stderr or "").strip().splitlines()[-1:]
    if done.returncode == LACKING:
        raise MissingError(
            f"EPANET cannot be started: {''.join(last)}",
            remedy="run `make setup`, or install what requirements/base.txt pins",
        )
    if not (folder / "said.json").exists():
        raise ParameterError(
            f"EPANET ended before it had solved the model ({done.returncode}: {''.join(last)})",
            remedy="ask for fewer hours or longer steps; check the model in EPANET itself",
        )


def _environment() -> dict[str, str]:
    """As ours, but one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


def _answers(folder: Path) -> list[Answer]:
    said = json.loads((folder / "said.json").read_text("utf-8"))
    return [
        Answer(
            simulation=None if "error" in told else _simulation(folder / f"{i}.npz", told),
            model=told.get("model"), error=told.get("error", ""),
        )
        for i, told in enumerate(said)
    ]  # fmt: skip


def _simulation(path: Path, told: Mapping[str, Any]) -> Simulation:
    with np.load(path) as kept:
        return Simulation(
            times=kept["times"], nodes=tuple(kept["nodes"].tolist()),
            links=tuple(kept["links"].tolist()), pressure=kept["pressure"],
            demand=kept["demand"], flow=kept["flow"], velocity=kept["velocity"],
            warnings=tuple(told.get("warnings", ())),
        )  # fmt: skip


def refusal(words: str) -> ParameterError:
    """What EPANET or the reader of its models complained about, as a refusal."""
    low = words.lower()
    if "converge" in low or "error 110" in low or "unbalanced" in low:
        return ParameterError(
            f"the model does not converge: {words}",
            remedy="look for closed parts with demand, pumps beyond their curve, wrong units",
        )
    return ParameterError(
        f"the model is not one that EPANET can read: {words}",
        remedy="open it in EPANET 2.2, mend what it names, and export it again as INP",
    )
