"""What an orthophoto delivery can be told with ``-o``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from cim.ingest.source import Options

Priority = Literal["newest", "last", "first"]
Archive = Literal["jpeg", "lossless", "none"]


def _numbers(given: object) -> object:
    return given.split(",") if isinstance(given, str) else given


Bands = Annotated[
    tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
    BeforeValidator(_numbers),
]


class OrthoOptions(Options):
    """Options of the orthophoto reader."""

    date: dt.date | None = Field(
        None, description="day of the survey, 2024-05-01; else the sheets' TIFFTAG_DATETIME"
    )
    priority: Priority = Field(
        "newest",
        description="which sheet lies on top where several do: newest (by date; among equals, and "
        "without dates, the last by name), last or first (by name)",
    )
    bands: Bands | None = Field(
        None, description="bands shown as red, green, blue: 3,2,1; else what the file says"
    )
    low: float | None = Field(None, description="value shown as 0, for all bands and sheets")
    high: float | None = Field(None, description="value shown as 255, for all bands and sheets")
    quality: int = Field(85, ge=50, le=95, description="JPEG quality of the served picture")
    archive: Archive = Field(
        "jpeg",
        description="archive copy in the delivery's own CRS: jpeg (quality 90; bytes of three "
        "bands or one, all else lossless), lossless (deflate, all bands) or none",
    )

    @model_validator(mode="after")
    def _both_ends(self) -> OrthoOptions:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high go together")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError("low must lie below high")
        return self
