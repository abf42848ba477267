"""What WMTS and WMS have in common: parameters in any case, layers with their days, XML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import ParamSpec
from xml.etree import ElementTree as ET

from fastapi import Request
from fastapi.responses import Response

from cim.api.tiles import version_named
from cim.catalog import registry
from cim.catalog.registry import Version
from cim.errors import NotFoundError
from cim.installation import Installation
from cim.store.database import ready

CURRENT = "current"
P = ParamSpec("P")


class ServiceError(Exception):
    """What a client of OGC's services got wrong.

    Args:
        reason: One sentence.
        code: One of the service's own words for it.
        locator: The parameter it is about.
    """

    def __init__(self, reason: str, code: str, locator: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.locator = locator


class Parameters:
    """Keys and values of a request; keys in any case, the last of several counts."""

    def __init__(self, request: Request) -> None:
        self._values = {k.upper(): v for k, v in request.query_params.multi_items()}

    def get(self, name: str, default: str = "") -> str:
        """A value, or the default where there is none or an empty one."""
        return self._values.get(name, "") or default

    def need(self, name: str) -> str:
        """A value that must be there, though it may be empty where the service allows it.

        Raises:
            ServiceError: it is missing.
        """
        if name not in self._values:
            raise ServiceError(f"{name} is missing", "MissingParameterValue", name)
        return self._values[name]

    def whole(self, name: str, low: int, high: int, code: str = "InvalidParameterValue") -> int:
        """A whole number between two limits, both allowed.

        Raises:
            ServiceError: it is none.
        """
        text = self.need(name)
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise ServiceError(f"{name} is no whole number", code, name)
        if not low <= int(text) <= high:
            raise ServiceError(f"{name} is not between {low} and {high}", code, name)
        return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A layer that can be drawn.

    Args:
        version: What is drawn unless a day is asked for.
        asked: How the address named the version: decides what caches may keep.
        dated: Versions by day, the newest publication of each; asked for when they are needed.
    """

    version: Version
    asked: str
    dated: Callable[[], Mapping[str, Version]]

    @property
    def id(self) -> str:
        """The layer's."""
        return self.version.layer.id

    def of(self, day: str, code: str) -> Version:
        """The version of a day.

        Args:
            day: ``2024-05-01``; empty or ``current`` for the one drawn by itself.
            code: Of the error.

        Raises:
            ServiceError: there is none of that day.
        """
        if day in {"", CURRENT}:
            return self.version
        dated = self.dated()
        found = dated.get(day[:10]) if day[10:] in {"", "T00:00:00Z"} else None
        if found is None:
            known = ", ".join(dated) or "none has a day"
            raise ServiceError(f"{self.id} has no version of {day[:40]}: {known}", code, "TIME")
        return found


def picture(here: Installation, layer_id: str, version: str = "latest") -> Picture:
    """A layer that can be drawn, at the version that an address names.

    Raises:
        NotFoundError: no such layer or version, or it is no picture.
    """
    if not layer_id.isprintable():
        raise NotFoundError("no layer is called so")
    found = version_named(here, layer_id, version)
    if "cog" not in found.media:
        raise NotFoundError(f"{layer_id} is {found.layer.kind}: it has no picture")
    if version != "latest":
        return Picture(version=found, asked=version, dated=dict)
    return Picture(version=found, asked=version, dated=lambda: _dated(here, layer_id))


def pictures(here: Installation, only: str, version: str) -> list[Picture]:
    """All layers that can be drawn; or, where one is named, that one alone.

    Raises:
        NotFoundError: no such layer or version, or it is no picture.
    """
    if only:
        return [picture(here, only, version)]
    with ready(here.engine) as connection:
        entries = registry.entries(connection)
    current = [e.current for e in entries if e.current is not None and "cog" in e.current.media]
    return [picture(here, v.layer.id) for v in current]


def _dated(here: Installation, layer_id: str) -> dict[str, Version]:
    with ready(here.engine) as connection:
        versions = registry.versions(connection, layer_id)
    found: dict[str, Version] = {}
    for version in versions:  # the newest first
        if "cog" in version.media and version.media.get("date"):
            found.setdefault(str(version.media["date"]), version)
    return dict(sorted(found.items()))


def forms(version: Version, known: Iterable[str]) -> list[str]:
    """Of some media types those that a version is drawn as: no JPEG where colours name classes."""
    classed = bool(version.media.get("classed"))
    return [form for form in known if form != "image/jpeg" or not classed]


def fit(version: Version, form: str, code: str) -> None:
    """Refuse a media type that would mix a version's classes.

    Raises:
        ServiceError: it would.
    """
    if not forms(version, [form]):
        reason = f"the colours of {version.layer.id} name classes: ask for image/png"
        raise ServiceError(reason, code, "FORMAT")


def cog_of(here: Installation, version: Version) -> Path:
    """The file that a version is drawn from."""
    return here.files.file(version.layer.id, version.version, str(version.media["cog"]))


def address(request: Request, *parts: str) -> str:
    """An absolute address of this server."""
    return "/".join([str(request.base_url).rstrip("/"), *parts])


def answered(
    report: Callable[[ServiceError], bytes], media_type: str
) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Let a route answer what a client got wrong as the service's own document, with 400."""

    def decorate(route: Callable[P, Response]) -> Callable[P, Response]:
        @wraps(route)
        def guarded(*args: P.args, **values: P.kwargs) -> Response:
            try:
                return route(*args, **values)
            except ServiceError as error:
                wrong, status = error, 400
            except NotFoundError as error:
                wrong, status = ServiceError(error.reason, "LayerNotDefined", "LAYER"), 404
            return Response(
                report(wrong), status_code=status, media_type=media_type,
                headers={"Cache-Control": "no-store"},
            )  # fmt: skip

        return guarded

    return decorate


def child(parent: ET.Element, tag: str, text: object = None, /, **attributes: str) -> ET.Element:
    """A new element in another one."""
    element = ET.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = "".join(c for c in str(text) if c.isprintable() or c in "\n\t")
    return element


def children(parent: ET.Element, name: str, texts: Iterable[object]) -> None:
    """One element for each text."""
    for text in texts:
        child(parent, name, text)


def document(root: ET.Element) -> bytes:
    """XML with its declaration."""
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
