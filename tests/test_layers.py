"""Declarations survive the way to JSON and back, and bad ones are refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.errors import DeclarationError
from cim.layers import (
    RESERVED_FIELDS,
    CimLevel,
    DataClass,
    Field,
    FieldType,
    Geometry,
    Kind,
    Layer,
    LegendItem,
    Sensitivity,
    Style,
    from_dict,
    to_dict,
)

words = st.text(max_size=12)
names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(
    lambda n: n not in RESERVED_FIELDS
)
fields = st.builds(
    Field,
    name=names,
    title=words,
    title_en=words,
    type=st.sampled_from(FieldType),
    unit=words,
    required=st.booleans(),
    aliases=st.lists(words, max_size=3).map(tuple),
)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    declared = tuple(draw(st.lists(fields, max_size=4, unique_by=lambda f: f.name)))
    used = st.sampled_from([None, *(f.name for f in declared)])
    kind = draw(st.sampled_from(Kind))
    items = st.builds(LegendItem, color=words, title=words, title_en=words, value=st.none() | words)
    return Layer(
        id=f"topic{draw(st.integers(0, 99))}.noun",
        title=draw(words),
        kind=kind,
        data_class=draw(st.sampled_from(DataClass)),
        geometry=draw(st.sampled_from(Geometry)) if kind is Kind.VECTOR else None,
        fields=declared,
        owner=draw(words),
        sensitivity=draw(st.sampled_from(Sensitivity)),
        cim_level=draw(st.none() | st.sampled_from(CimLevel)),
        style=Style(
            opacity=draw(st.floats(0, 1)),
            field=draw(used),
            height_field=draw(used),
            label_field=draw(used),
            legend=tuple(draw(st.lists(items, max_size=2))),
            visible=draw(st.booleans()),
        ),
    )


@given(layers())
def test_a_declaration_comes_back_equal_from_json(layer: Layer) -> None:
    values = to_dict(layer)
    assert json.loads(json.dumps(values)) == values
    assert from_dict(values) == layer


ROAD: dict[str, Any] = {
    "id": "base.road", "title": "道路", "kind": "vector", "geometry": "LineString",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "road"}, "<topic>.<noun>"),
        ({"id": "Base.Road"}, "<topic>.<noun>"),
        ({"id": 'base.road"; drop table x'}, "<topic>.<noun>"),
        ({"id": "../evil.x"}, "<topic>.<noun>"),
        ({"id": "catalog.version"}, "reserved"),
        ({"id": "pg_x.version"}, "reserved"),
        ({"kind": "hologram"}, "hologram"),
        ({"geometry": None}, "a vector layer has a geometry"),
        ({"kind": "mesh"}, "any other has none"),
        ({"colour": "red"}, "colour"),
        ({"fields": [{"name": "fid", "title": "x"}]}, "not usable"),
        ({"fields": [{"name": "Name", "title": "x"}]}, "not usable"),
        ({"fields": [{"name": "a", "title": "x"}, {"name": "a", "title": "y"}]}, "twice"),
        ({"fields": [{"name": "a", "title": "x", "type": "blob"}]}, "blob"),
        ({"style": {"label_field": "name"}}, "unknown field name"),
        ({"style": {"glow": 3}}, "glow"),
        ({"cim_level": 8}, "8"),
    ],
)
def test_a_bad_declaration_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        from_dict(ROAD | changes)


@pytest.mark.parametrize("lost", ["id", "title", "kind"])
def test_a_declaration_without_its_core_is_refused(lost: str) -> None:
    with pytest.raises(DeclarationError):
        from_dict({k: v for k, v in ROAD.items() if k != lost})
