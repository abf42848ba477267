"""The text of an EPANET model, line by line: what EPANET would stumble over, and where.

Readers of INP files end with "list index out of range" where a row is short; whoever has to mend
the file needs its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cim.errors import ParameterError

SECTIONS = frozenset((
    "TITLE", "JUNCTIONS", "RESERVOIRS", "TANKS", "PIPES", "PUMPS", "VALVES", "CONTROLS",
    "RULES", "DEMANDS", "SOURCES", "EMITTERS", "PATTERNS", "CURVES", "QUALITY", "STATUS",
    "ROUGHNESS", "ENERGY", "REACTIONS", "MIXING", "REPORT", "TIMES", "OPTIONS", "COORDINATES",
    "VERTICES", "LABELS", "BACKDROP", "TAGS", "LEAKAGE", "END",
))  # fmt: skip
DRAINAGE = frozenset((
    "EVAPORATION", "RAINGAGES", "SUBCATCHMENTS", "SUBAREAS", "INFILTRATION", "OUTFALLS",
    "CONDUITS", "XSECTIONS", "STORAGE", "WEIRS", "ORIFICES", "INFLOWS", "DWF", "LOSSES",
    "HYDROGRAPHS", "AQUIFERS", "LANDUSES",
))  # fmt: skip
UNITS = frozenset((
    "CFS", "GPM", "MGD", "IMGD", "AFD", "LPS", "LPM", "MLD", "CMH", "CMD", "CMS",
))  # fmt: skip
NODES = ("JUNCTIONS", "RESERVOIRS", "TANKS")
# Columns that a row must have (EPANET 2.2, input3.c), and those that are numbers.
LINKS = {"PIPES": (6, (3, 4, 5)), "PUMPS": (4, ()), "VALVES": (6, (3,))}
NUMBERS = {"JUNCTIONS": (1, (1,)), "RESERVOIRS": (2, (1,)), "TANKS": (2, (1, 2, 3, 4, 5)), **LINKS}
MOST = 5
_HEAD = re.compile(r"\s*\[\s*([A-Za-z]+)")


def rows(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Line, section and words of each row that says something; comments are left out."""
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        head = _HEAD.match(line)
        if head:
            section = head.group(1).upper()
            yield number, section, []
            continue
        words = line.split(";", 1)[0].split()
        if words and section != "TITLE":
            yield number, section, words


def check(text: str) -> None:
    r"""Refuse a text that EPANET cannot read, by its lines.

    Example:
        >>> check("[JUNCTIONS]\n J1 10\n[PIPES]\n P1 J1 J2 100 300 130\n[END]")
        Traceback (most recent call last):
        ...
        cim.errors.ParameterError: line 4: pipe P1 begins or ends at J2, which is no node ...

    Raises:
        ParameterError: naming up to five lines and what is wrong with each.
    """
    found = list(rows(text))
    for number, section, words in found:
        if not words and section in DRAINAGE:
            raise ParameterError(
                f"line {number}: [{section}] belongs to a drainage model of SWMM",
                remedy="give a water supply model of EPANET; sewers are asked by pipelines.trace",
            )
    nodes = {words[0] for _, section, words in found if words and section in NODES}
    faults: list[str] = []
    seen: set[tuple[bool, str]] = set()
    for number, section, words in found:
        said = _head(section) if not words else _row(section, words, nodes)
        if words and said is None and (section in NODES or section in LINKS):
            own = (section in NODES, words[0])
            said = f"{words[0]} is there twice" if own in seen else None
            seen.add(own)
        if said is not None:
            faults.append(f"line {number}: {said}")
        if len(faults) == MOST:
            break
    if faults:
        raise ParameterError(
            "; ".join(faults), remedy="mend these lines, or export the model again from EPANET 2.2"
        )


def _head(section: str) -> str | None:
    if not any(known.startswith(section[:4]) for known in SECTIONS):
        return f"[{section}] is no section of EPANET"
    return None


def _row(section: str, words: list[str], nodes: set[str]) -> str | None:
    if section == "OPTIONS" and words[0].upper() == "UNITS":
        given = words[1].upper() if len(words) > 1 else ""
        known = given in UNITS
        return None if known else f"UNITS {given} are none of {', '.join(sorted(UNITS))}"
    if section not in NUMBERS:
        return None
    what, (least, numbers) = section[:-1].lower(), NUMBERS[section]
    if len(words) < least:
        return f"{what} {words[0]} has {len(words)} columns of at least {least}"
    for column in numbers:
        if column < len(words) and not _number(words[column]):
            return f"{what} {words[0]}: {words[column][:40]} in column {column + 1} is no number"
    if section in LINKS:
        lost = [end for end in words[1:3] if end not in nodes]
        if lost:
            return f"{what} {words[0]} begins or ends at {lost[0][:40]}, which is no node"
    return None


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
