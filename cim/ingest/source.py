"""What reads one family of survey deliveries, and the values it speaks in.

The pipeline asks a source five things, in this order::

    plan     headers only: which parts are there, where on Earth, which of them are already lost
    build    one part, in a worker process: read, convert, write below ``staging``
    further  parts made from parts (a coarser level from the finer one), built in their turn
    finish   all parts: the documents that join them (tileset.json, layer.json, ...)
    check    the finished folder, as a stranger would look at it

A part is built again only when its inputs, the parts it needs, or the parameters have changed:
otherwise its files are taken from the staging of a killed run, or from the version that is served.

A bad part is a ``Problem``, not an exception: the others still land. A source raises ``CimError``
from ``plan`` only when nothing at all can be published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cim.city import Bounds, City
from cim.errors import ParameterError
from cim.geo.crs import ResolvedCrs
from cim.geo.heights import Heights
from cim.layers import Kind, Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for.

    Args:
        paths: Files and folders of the delivery, as given.
        layer: Declaration of the layer to publish; None where the source shall propose one.
        city: Where all results must lie.
        crs: ``--crs``: overrides what the delivery says of itself.
        heights: What the delivery's heights are measured from.
        origin: ``--origin``: x, y, z added to local coordinates where metadata.xml gives none.
        options: What the source's own ``Options`` are made from, as given: ``-o name=value``.
        elevation: Rasters of the published elevation models, the finest first: orthometric
            heights, m, each with its own CRS. For sources that put things on the ground.
        borrowed: Rows of published vector layers that the source asked for, by layer id:
            GeoParquet in degrees (CGCS2000).
    """

    paths: tuple[Path, ...]
    layer_id: str
    layer: Layer | None
    city: City
    crs: str | None = None
    heights: Heights = Heights.ORTHOMETRIC
    origin: tuple[float, float, float] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    elevation: tuple[Path, ...] = ()
    borrowed: Mapping[str, Path] = field(default_factory=dict)


class Options(BaseModel):
    """What a source can be told with ``-o name=value``; a source without any uses this one.

    A field's description is its help. Unknown names and values that do not fit are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, request: Request) -> Self:
        """The options of a request.

        Raises:
            ParameterError: naming the option, what is wrong with it, and which there are.
        """
        try:
            return cls.model_validate(dict(request.options))
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            known = ", ".join(cls.model_fields) or "none"
            raise ParameterError(
                f"option {name}: {first['msg']}", remedy=f"options of this reader: {known}"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A part that did not make it (``refused``) or made it with a fault (``warning``)."""

    path: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One part of a delivery, built by one worker without knowing of the others.

    Args:
        id: Unique in the plan and stable between runs; also a legal file name.
        path: The part as the user knows it, for reports.
        inputs: Every file that the part is made from, for checksums and resumption.
        bytes: Size of the inputs, to build the biggest first.
        payload: Whatever ``build`` needs; picklable.
        folder: Folder below staging that holds every file the part is built into, and no other
            part's: it is taken whole from the served version when nothing of the part changed.
            None for a part whose files do not last, or that names them when it is built.
        needs: Ids of parts that this one is made from; they are built before it.
        decides: What else decides this part alone, JSON values (a matrix, a row's digest).
    """

    id: str
    path: Path
    inputs: tuple[Path, ...]
    bytes: int
    payload: Any = None
    folder: str | None = None
    needs: tuple[str, ...] = ()
    decides: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a delivery holds, seen from its headers.

    Args:
        parcels: The parts, in a stable order.
        refused: Parts that are lost already, and why.
        warnings: Faults that do not lose anything.
        crs: The delivery's CRS and how it was resolved; None where parts have their own.
        extent: Where the whole delivery lies, as far as it can be placed; `cim city init` reads it,
            and a delivery that does not touch the city is refused at once.
        extra_inputs: Files beside the parcels' own (metadata.xml), for checksums.
        parameters: What else decides every part, JSON values; part of every part's key.
        shared: What every ``build`` and ``finish`` needs; picklable.
    """

    parcels: tuple[Parcel, ...]
    refused: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    crs: ResolvedCrs | None = None
    extent: Bounds | None = None
    extra_inputs: tuple[Path, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    shared: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What came of one parcel.

    Args:
        parcel: Its id.
        facts: JSON values that ``finish`` needs; kept on disk so that a killed run resumes.
        counts: Figures summed over all parcels for the report, such as triangles and files.
        extent: Where the part lies, degrees.
        refused: Inner parts that did not make it.
        warnings: Faults that lost nothing.
        files: Files below staging that it was built into, where it has no folder of its own: they
            are taken one by one from the served version when nothing of the part changed.
    """

    parcel: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    extent: Bounds | None = None
    refused: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look at the finished folder: ``errors`` must be empty for a publication."""

    name: str
    looked_at: int
    errors: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A finished folder.

    Args:
        extent: Where it lies, degrees.
        media: How to serve it, for the catalogue and the viewer, JSON values: for a mesh
            ``{"tileset": "tileset.json"}``, for terrain ``{"minzoom", "maxzoom"}``, for imagery
            ``{"cog": "ortho.tif", "minzoom", "maxzoom", "format"}``, for vectors ``{}``.
        heights: Lowest and highest orthometric height, m, where it has heights.
        features: GeoParquet files below staging with the rows of a vector layer.
        proposed: A declaration for a layer that had none.
        refused: Parts that were lost while joining.
        warnings: Faults that lost nothing.
    """

    extent: Bounds
    media: Mapping[str, Any] = field(default_factory=dict)
    heights: tuple[float, float] | None = None
    features: tuple[Path, ...] = ()
    proposed: Layer | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


MARKS = ".parts"  # folder below staging with a mark for each finished part
WORK = "work"  # folder below staging for what only the run needs; removed after publication


class Source(Protocol):
    """Reads one family of survey files, e.g. every delivery that is an OSGB tile tree.

    To add a format: write one class like this in its own module below ``sources`` and name it in
    ``SOURCES``. It keeps no state. Sources are asked in the order of ``SOURCES``; the first yes
    wins. Subclass this protocol: what has a default here need not be written.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    reads: ClassVar[str]  # what to give it, in a user's words
    options: ClassVar[type[Options]] = Options
    edition: ClassVar[int] = 1  # raise it when the same input shall be converted anew
    derived: ClassVar[bool] = False  # whether it reads what is published, not a delivery

    def supports(self, path: Path) -> bool:
        """Say yes from names and headers alone: as fast for 40 GB as for 40 kB."""

    def borrows(self, request: Request) -> tuple[str, ...]:
        """Published vector layers whose rows it needs; it finds them in ``request.borrowed``."""
        return ()

    def plan(self, request: Request) -> Plan:
        """List the parts and where they lie, from headers alone.

        Raises:
            CimError: nothing of it can be published.
        """

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Convert one part into files below ``staging``, in a worker process.

        Files are written under names of the parcel's own, so that parts never meet.

        Raises:
            CimError: the whole part is lost; the pipeline makes it a ``Problem``.
        """

    def further(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """Parts that are made from finished parts; asked again until it has no more.

        ``built`` holds everything built so far, the parts of earlier answers too, in their order.
        """
        return ()

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write the documents that join the parts."""

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the finished folder as a stranger would."""
