"""Objects of an .osgb stream: class name, bracket, id, then the fields of its chain of classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cim.ingest.sources.osgb.binary import Stream
from cim.ingest.sources.osgb.graph import Array, Image, Thing

DEEPEST = 100  # real graphs are less than 20 deep; Python's own stack ends near 1000


@dataclass(frozen=True, slots=True)
class Chain:
    """How to read one class.

    Args:
        make: Makes the empty object.
        fields: Readers of the associate classes, from the root of the inheritance down.
    """

    make: Callable[[], Any]
    fields: tuple[Callable[[ObjectReader, Any], None], ...]


class ObjectReader:
    """Reads objects and remembers them by id.

    Args:
        stream: The bytes.
        chains: What is known about classes.
    """

    def __init__(self, stream: Stream, chains: Mapping[str, Chain]) -> None:
        self.stream = stream
        self.version = stream.version
        self.chains = chains
        self.seen: dict[int, Thing] = {}
        self.arrays: dict[int, Array] = {}  # ids of arrays are a space of their own before v112
        self.skipped: set[str] = set()

    def object(self) -> Thing | None:
        """One object, new or seen before; None where the file says NULL.

        Raises:
            FormatError: a class that is unknown and cannot be stepped over, or damage.
        """
        stream = self.stream
        name = stream.text()
        if name == "NULL":
            return None
        if len(stream.classes) >= DEEPEST:
            raise stream.fault(f"objects are nested more than {DEEPEST} deep")
        stream.classes.append(name)
        end = stream.block()
        number = stream.u32()
        thing = self.seen.get(number)
        if thing is None:
            thing = self._fresh(name, number, end)
        self.close(end)
        stream.classes.pop()
        return thing

    def _fresh(self, name: str, number: int, end: int | None) -> Thing:
        chain = self.chains.get(name)
        if chain is None:
            if end is None:
                raise self.stream.fault(f"the class {name[:40]!r} is unknown")
            self.skipped.add(name)
            chain = Chain(Thing, ())
        thing: Thing = chain.make()
        thing.kind = name
        self.seen[number] = thing
        for read in chain.fields:
            read(self, thing)
        return thing

    def close(self, end: int | None) -> None:
        """End a bracket: go to its end, whatever of it was of no interest.

        Raises:
            FormatError: more was read than the block holds.
        """
        if end is None:
            return
        if self.stream.position > end:
            raise self.stream.fault(f"a block ends at offset {end}, but its content goes on")
        self.stream.position = end

    def optional(self) -> Thing | None:
        """An object behind a yes or no."""
        return self.object() if self.stream.flag() else None

    def optionals(self, count: int) -> None:
        """Objects of no interest, such as callbacks."""
        for _ in range(count):
            self.optional()

    def known(self, number: int) -> Image | None:
        """The image of that id, if it was seen before.

        Raises:
            FormatError: the id belongs to something else.
        """
        thing = self.seen.get(number)
        if thing is None or isinstance(thing, Image):
            return thing
        raise self.stream.fault(f"an image refers to object {number}, which is a {thing.kind}")
