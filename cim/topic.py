"""What a topic and an analysis are. Declared once; HTTP, command line, form and docs read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Engine

from cim.city import Bounds, City
from cim.errors import DeclarationError, ParameterError
from cim.layers import Layer
from cim.store.files import Files
from cim.store.uploads import Uploads
from cim.verdict import Verdict as Verdict  # noqa: PLC0414  topics take it from here

_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


class Parameters(BaseModel):
    """Base of every analysis' parameters: unknown names are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number or word of a summary.

    Args:
        key: Stable name for programs.
        title: Chinese, with its English beside.
        value: None where it cannot be told.
        unit: UCUM unit, empty for none.
        verdict: Where a rule was applied.
        evidence: What the figure rests on; an empty one is shown as unverified.
    """

    key: str
    title: str
    title_en: str
    value: float | int | str | None
    unit: str = ""
    verdict: Verdict | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """One class of a coverage: cells with this value get this colour (#rrggbbaa)."""

    value: int
    color: str
    title: str
    title_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A classified raster, published as tiles.

    Args:
        path: GeoTIFF, one uint8 band, 255 where nothing is known.
        bounds: Where it lies, degrees.
        legend: What its values mean.
    """

    path: Path
    bounds: Bounds
    legend: tuple[LegendEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Values along one axis of a chart; None where there is none.

    Args:
        title: Chinese, with its English beside.
        unit: UCUM.
        values: In the order of the chart.
        color: #rrggbb of the line, where it means something.
    """

    title: str
    title_en: str
    unit: str
    values: Sequence[float | None]
    color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One chart over a common x.

    Args:
        title: Chinese, with its English beside.
        x: Where the values stand; distances need not be even.
        y: One line, or one set of columns, each.
        bins: x are the middles of bins of equal width: columns instead of lines.
    """

    title: str
    title_en: str
    x: Axis
    y: tuple[Axis, ...]
    bins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under titled columns.

    Args:
        columns: (key, title, English title, unit) of each.
        rows: Values by key. A row's ``place`` (longitude, latitude) is no column: it is where the
            map goes when the row is chosen.
        title: Chinese, with its English beside; empty where the answer has one table only.
        again: What a row's button says, Chinese and English, that asks the question once more with
            what the row has as ``again``: parameters by name. Rows without it have no button.
    """

    columns: tuple[tuple[str, str, str, str], ...]
    rows: Sequence[Mapping[str, Any]]
    title: str = ""
    title_en: str = ""
    again: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of an answer to take away: a drawing, a table of findings.

    Args:
        path: In the context's folder.
        title: Chinese, with its English beside.
        media_type: Such as ``image/svg+xml``.
    """

    path: Path
    title: str
    title_en: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """A question that follows from an answer, filled in as far as the answer goes.

    Args:
        analysis: Its id.
        title: What the button says, Chinese, with its English beside.
        values: Parameters that the answer gives it.
    """

    analysis: str
    title: str
    title_en: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewpoint:
    """From where an answer is looked at, if not from above.

    Args:
        place: Longitude and latitude of the eye, degrees.
        height: Of the eye, orthometric, m.
        heading: From true north, degrees.
        pitch: 0 is level, negative looks down, degrees.
    """

    place: tuple[float, float]
    height: float
    heading: float
    pitch: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to a question, in the small vocabulary that every face can show.

    Args:
        summary: Figures with unit, verdict and evidence.
        features: GeoJSON in degrees; ``properties.style`` says how to draw each.
        coverage: A classified raster.
        timeline: CZML, heights ellipsoidal; the viewer plays it.
        series: Charts.
        tables: Rows.
        attachments: Files to take away.
        following: Questions that follow from it.
        viewpoint: From where it is looked at; without one, from above, all of it in the picture.
        provenance: Inputs with versions, parameters, CRS, nodata share, applicability.
    """

    summary: tuple[Figure, ...]
    features: Mapping[str, Any] | None = None
    coverage: Coverage | None = None
    timeline: Sequence[Mapping[str, Any]] | None = None
    series: tuple[Series, ...] = ()
    tables: tuple[Table, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    following: tuple[Next, ...] = ()
    viewpoint: Viewpoint | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an analysis may use beside its parameters.

    Args:
        city: Where we are.
        engine: The database: catalogue and rows.
        files: Published files.
        folder: Folder of this very result, for files of its own (a coverage).
        uploads: Files that were handed in.
    """

    city: City
    engine: Engine
    files: Files
    folder: Path
    uploads: Uploads | None = None

    def upload(self, identity: str) -> Path:
        """The file of a parameter of type ``cim.question.Upload``.

        Raises:
            NotFoundError: nobody handed it in, or it is no longer kept.
        """
        return (self.uploads or Uploads(root=self.files.root / "uploads")).path(identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One question that a topic answers.

    Args:
        id: ``<topic>.<verb or noun>``, for ever.
        title: The question in Chinese, with its English beside.
        summary: What it answers and what it does not, one paragraph.
        parameters: Pydantic model; each field has a title, ``x-title-en``, ``x-unit``, limits.
        run: From parameters to the result; pure but for what the context hands out.
        example: Parameters on the sample city: run by the tests, prefilled in the form.
        reads: From parameters to the layers whose versions decide the result.
        references: Formulas and standards, as cited.
        version: Raised when the method changes, so that cached results are not mixed.
        guide: Page of ``docs`` that says method, definitions, limits and how it is proved; empty
            where a topic's package has its own documentation.
    """

    id: str
    title: str
    title_en: str
    summary: str
    summary_en: str
    parameters: type[Parameters]
    run: Callable[[Any, Context], Result]
    example: Mapping[str, Any]
    reads: Callable[[Any], tuple[str, ...]] = lambda _: ()
    references: tuple[str, ...] = ()
    version: int = 1
    guide: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise DeclarationError(f"analysis id {self.id!r} is not <topic>.<name>")
        self.parse(self.example)

    def parse(self, values: Mapping[str, Any]) -> Parameters:
        """Check parameters.

        Raises:
            ParameterError: naming each parameter that does not fit and why.
        """
        try:
            return self.parameters.model_validate(dict(values))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(str(p) for p in e['loc']) or 'parameters'}: {e['msg']}"
                for e in error.errors()
            )
            names = ", ".join(self.parameters.model_fields)
            raise ParameterError(
                f"{self.id}: {faults}", remedy=f"its parameters are {names}; see the form's limits"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic: a name, its layers, its questions."""

    name: str
    title: str
    title_en: str
    layers: tuple[Layer, ...] = ()
    analyses: tuple[Analysis, ...] = ()

    def __post_init__(self) -> None:
        ids = [*(layer.id for layer in self.layers), *(a.id for a in self.analyses)]
        for thing in ids:
            if not thing.startswith(f"{self.name}."):
                raise DeclarationError(
                    f"topic {self.name} declares {thing}, which belongs to another topic",
                    remedy=f"rename it to {self.name}.<name>",
                )
