"""The topics. A folder here, or an entry point ``cim.topics``, that offers ``TOPIC`` is one."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from cim.errors import DeclarationError, NotFoundError
from cim.topic import Analysis, Topic


@cache
def discover() -> tuple[Topic, ...]:
    """All topics: the folders here by name, then those of installed packages.

    Raises:
        DeclarationError: a folder without ``TOPIC``, or two topics of one name.
    """
    found: dict[str, Topic] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        offered = getattr(import_module(f"{__name__}.{module.name}"), "TOPIC", None)
        _add(found, offered, f"cim/topics/{module.name}")
    for point in sorted(entry_points(group="cim.topics"), key=lambda p: p.name):
        _add(found, point.load(), f"the entry point {point.name}")
    return tuple(found.values())


def _add(found: dict[str, Topic], offered: object, where: str) -> None:
    if not isinstance(offered, Topic):
        raise DeclarationError(
            f"{where} offers no TOPIC", remedy="put TOPIC = Topic(...) into its __init__.py"
        )
    if offered.name in found:
        raise DeclarationError(f"{where} offers the topic {offered.name} a second time")
    found[offered.name] = offered


def analysis(analysis_id: str) -> Analysis:
    """The analysis with that id.

    Raises:
        NotFoundError: naming those there are.
    """
    known = {a.id: a for topic in discover() for a in topic.analyses}
    if analysis_id not in known:
        raise NotFoundError(
            f"there is no analysis {analysis_id}", remedy=f"there are: {', '.join(sorted(known))}"
        )
    return known[analysis_id]
