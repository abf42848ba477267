"""What a new version leaves behind: things that were made from the last one, and lack in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cim.catalog.registry import Entry, Version
from cim.ingest.source import Problem, Request, Source
from cim.ingest.sources.labels import LabelSource
from cim.layers import Kind


def left_behind(
    reader: Source, request: Request, served: Sequence[Version], known: Iterable[Entry]
) -> list[Problem]:
    """Warnings for a publication that takes the place of what is served.

    Args:
        reader: Who reads it.
        request: What is published.
        served: The current version of the layer, and those it was made from.
        known: All layers.
    """
    found = [*_terrain_of(reader, request, known)]
    if not reader.derived:
        found = [*_revision(served), *_join(served, request), *found]
    return [
        Problem(path=str(request.paths[0]), reason=reason, remedy=remedy)
        for reason, remedy in found
    ]


def _revision(served: Sequence[Version]) -> Iterator[tuple[str, str]]:
    """A new delivery takes the place of a mesh that models had been put into."""
    revised = [v.version for v in served if "revision" in v.media]
    if revised:
        yield (
            f"version {revised[0]} holds refined models that this delivery lacks",
            "put them in again with `cim revise`",
        )


def _join(served: Sequence[Version], request: Request) -> Iterator[tuple[str, str]]:
    """A new delivery takes the place of terrain that had been joined to a mesh."""
    joined = [v for v in served if "joined" in v.media]
    if joined:
        mesh = joined[0].media["mesh"]["layer"]
        yield (
            f"version {joined[0].version} was joined to {mesh}, this delivery is not yet",
            f"join it with `cim join {request.layer_id} --mesh {mesh}`",
        )


def _terrain_of(
    reader: Source, request: Request, known: Iterable[Entry]
) -> Iterator[tuple[str, str]]:
    """A new mesh stands on terrain that was joined to the last one; labels move nothing."""
    if reader.kind is not Kind.MESH or isinstance(reader, LabelSource):
        return
    for entry in known:
        media = {} if entry.current is None else entry.current.media
        if media.get("mesh", {}).get("layer") == request.layer_id and "joined" in media:
            yield (
                f"{entry.layer.id} is joined to version {media['mesh']['version']} of this mesh",
                f"join it again with `cim join {entry.layer.id} --mesh {request.layer_id}`",
            )
