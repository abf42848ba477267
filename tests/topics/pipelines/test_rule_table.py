"""The tables of laying: what they hold, and what they may never say."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.topic import Verdict
from cim.topics.pipelines.analysis.rule_table import (
    CITED,
    NO_RULE,
    OUTSIDE,
    PRESSURES,
    UNSURE,
    Rule,
    Traits,
    judge,
    layings,
    pressures,
)
from cim.topics.pipelines.laying_rules import clearance_rules, cover_rules, frost_rules

TABLES = {table: clearance_rules(table) for table in ("horizontal", "vertical")}
COVERS: list[Rule] = [
    row.rule(on_roadway=road)
    for row in (*cover_rules(), *frost_rules(1.0))
    for road in (True, False)
]
ALL = [*TABLES["horizontal"], *TABLES["vertical"], *COVERS]


def looked_up(table: str, one: Traits, other: Traits) -> Rule | int:
    found = judge(TABLES[table], [one, other])
    assert found.rule[0, 1] == found.rule[1, 0]
    index = int(found.rule[0, 1])
    return TABLES[table][index] if index >= 0 else index


@given(st.sampled_from(ALL), st.floats(-5, 50), st.floats(-5, 50))
def test_no_row_that_nobody_has_checked_ever_yields_a_pass(
    rule: Rule, value: float, other: float
) -> None:
    said = rule.verdict(value, other)
    if rule.evidence != CITED:
        assert said is Verdict.NEEDS_REVIEW
    assert rule.verdict(None) is Verdict.UNKNOWN
    assert rule.verdict(float("nan")) is Verdict.UNKNOWN


def test_over_the_whole_rule_file_unverified_rows_that_pass_are_none() -> None:
    values = [-1.0, 0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 5.0, 100.0]
    passed = [r for r, v in product(ALL, values) if r.verdict(v) is Verdict.PASS]
    assert [r for r in passed if r.evidence != CITED] == []
    assert {r.evidence for r in ALL} == {CITED, "unverified"}
    assert all(r.source and r.standard and r.limit > 0 for r in ALL)
    cited = [r.limit for r in TABLES["horizontal"] if r.evidence == CITED]
    assert cited == [2.5, 1.0, 1.5, 1.0, 1.2, 1.5, 2.0, 1.0, 0.5]
    assert all(r.evidence == "unverified" for r in TABLES["vertical"])


@pytest.mark.parametrize(
    ("one", "other", "limit"),
    [
        (Traits(kind="water", dn=200), Traits(kind="sewage"), 1.0),
        (Traits(kind="water", dn=201), Traits(kind="rain"), 1.5),
        (Traits(kind="sewage"), Traits(kind="building"), 2.5),
        (Traits(kind="gas", pressure=pressures("低压")), Traits(kind="sewage"), 1.0),
        (Traits(kind="gas", pressure=pressures("中压")), Traits(kind="sewage"), 1.2),
        (Traits(kind="gas", pressure=pressures("次高压Ｂ级")), Traits(kind="rain"), 1.5),
        (Traits(kind="gas", pressure=pressures("次高压A")), Traits(kind="building"), 13.5),
        (Traits(kind="sewage"), Traits(kind="telecom"), 1.0),
        (Traits(kind="sewage"), Traits(kind="power"), 0.5),
        (Traits(kind="gas", dn=300), Traits(kind="gas", dn=300), 0.4),
        (Traits(kind="gas", dn=300), Traits(kind="gas", dn=400), 0.5),
        (Traits(kind="power", kv=10), Traits(kind="telecom"), 0.5),
        (Traits(kind="power", kv=35), Traits(kind="telecom"), 2.0),
    ],
)
def test_the_row_that_holds_is_found_from_either_side(
    one: Traits, other: Traits, limit: float
) -> None:
    found = looked_up("horizontal", one, other)
    assert isinstance(found, Rule)
    assert found.limit == limit
    assert found.exception


def test_a_missing_attribute_is_unsure_and_high_pressure_beyond_the_table() -> None:
    sewage = Traits(kind="sewage")
    assert looked_up("horizontal", Traits(kind="water"), sewage) == UNSURE
    assert looked_up("horizontal", Traits(kind="gas"), sewage) == UNSURE
    assert looked_up("horizontal", Traits(kind="gas", pressure=pressures("0.2MPa")), sewage) \
        == UNSURE  # fmt: skip
    high = Traits(kind="gas", pressure=pressures("高压A"))
    assert looked_up("horizontal", high, sewage) == OUTSIDE
    assert looked_up("horizontal", sewage, sewage) == NO_RULE
    assert looked_up("vertical", Traits(kind="power"), sewage) != NO_RULE
    assert looked_up("vertical", Traits(kind="power"), Traits(kind="water")) == UNSURE


@pytest.mark.parametrize(
    ("one", "other", "limit"),
    [
        ("water", "sewage", 0.40), ("sewage", "sewage", 0.15), ("water", "water", 0.15),
        ("gas", "rain", 0.15), ("heat", "water", 0.15),
    ],
)  # fmt: skip
def test_the_vertical_table_is_that_of_the_notes(one: str, other: str, limit: float) -> None:
    found = looked_up("vertical", Traits(kind=one), Traits(kind=other))
    assert isinstance(found, Rule)
    assert found.limit == limit
    direct = Traits(kind="telecom", laying=layings("直埋"))
    duct = Traits(kind="telecom", laying=layings("管块"))
    for cable, asked in ((direct, 0.50), (duct, 0.15)):
        row = looked_up("vertical", cable, Traits(kind="water"))
        assert isinstance(row, Rule)
        assert row.limit == asked


@given(st.text(max_size=8))
def test_whatever_is_recorded_of_pressure_some_class_stays_possible(said: str) -> None:
    assert pressures(said)
    assert pressures(said) <= set(PRESSURES)
    assert layings(said)


def test_a_verdict_that_the_unverified_wall_decides_is_left_to_review() -> None:
    rule = TABLES["horizontal"][0]
    assert rule.verdict(2.51, 2.52) is Verdict.PASS
    assert rule.verdict(2.51, 2.49) is Verdict.NEEDS_REVIEW
    assert rule.verdict(2.49, 2.48) is Verdict.FAIL
