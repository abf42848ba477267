"""The city profile: read strictly, and the judge of what lies inside."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim import city as cities
from cim.city import Bounds, City
from cim.errors import DeclarationError, OutsideCityError
from cim.settings import PROJECT

GOOD = {
    "name": '"城"',
    "bounds": "[106.5, 35.1, 106.82, 35.34]",
    "compute_crs": '"EPSG:4545"',
    "geoid": "-36.0",
}


def written(tmp_path: Path, **changes: str | None) -> Path:
    values = {k: v for k, v in (GOOD | changes).items() if v is not None}
    path = tmp_path / "profile.toml"
    path.write_text("".join(f"{k} = {v}\n" for k, v in values.items()), "utf-8")
    return path


def test_the_sample_city_loads() -> None:
    city = cities.load(PROJECT / "data-samples" / "city.toml")
    assert city.compute_crs.to_epsg() == 4545
    assert city.undulation(106.65, 35.22) == -36.0
    assert "verified" not in city.geoid_source


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": None}, "name"),
        ({"bounds": None}, "bounds"),
        ({"compute_crs": None}, "compute_crs"),
        ({"colour": '"red"'}, "unknown key 'colour'"),
        ({"bounds": "[106.82, 35.1, 106.5, 35.34]"}, "not \\[west, south, east, north\\]"),
        ({"bounds": "[106.5, 35.34, 106.82, 35.1]"}, "not \\[west, south, east, north\\]"),
        ({"bounds": "[650000, 3880000, 660000, 3890000]"}, "in degrees"),
        ({"bounds": "[106.5, 35.1, 106.82]"}, "argument"),
        ({"bounds": '"everywhere"'}, "could not convert"),
        ({"compute_crs": '"EPSG:4490"'}, "not projected"),
        ({"geoid": '"no-such-file.gtx"'}, "is missing"),
        ({"home": "[106.6, 35.2]"}, "not enough values"),
    ],
)
def test_a_profile_that_does_not_fit_says_what_is_wrong(
    changes: dict[str, str | None], words: str, tmp_path: Path
) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(DeclarationError, match=words) as caught:
        cities.load(path)
    assert caught.value.path == str(path)


def test_a_missing_profile_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="cim city init"):
        cities.load(tmp_path / "none.toml")


def test_a_profile_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("name = [", "utf-8")
    with pytest.raises(DeclarationError, match="not valid TOML"):
        cities.load(path)


def test_egm96_is_clipped_to_the_city(tmp_path: Path) -> None:
    city = cities.load(written(tmp_path, geoid='"egm96"'))
    assert city.geoid_source == "grid egm96_15.gtx"
    assert city.undulation(106.65, 35.22) == pytest.approx(-35.97, abs=0.02)
    with pytest.raises(OutsideCityError, match="off the geoid grid"):
        city.undulation(0.0, 0.0)


def test_a_file_that_is_no_geoid_grid_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.gtx").write_bytes(b"\0" * 64)
    with pytest.raises(DeclarationError, match=r"not a \.gtx geoid grid"):
        cities.load(written(tmp_path, geoid='"cut.gtx"'))


def test_data_outside_the_city_are_refused_with_both_extents(city: City) -> None:
    with pytest.raises(OutsideCityError) as caught:
        city.require_inside(Bounds(100, 30, 101, 31), "x.tif")
    words = str(caught.value)
    assert "100.00000..101.00000°E" in words
    assert "106.50000..106.82000°E" in words
    assert "cim city init --from x.tif" in words


def test_an_extent_that_is_no_number_is_not_inside(city: City) -> None:
    with pytest.raises(OutsideCityError):
        city.require_inside(Bounds(float("nan"), 35.2, 106.7, 35.3), "x.tif")


degrees = st.tuples(
    st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90)
).map(lambda v: Bounds(min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3])))


@given(degrees, degrees)
def test_a_union_contains_both_and_touching_is_mutual(a: Bounds, b: Bounds) -> None:
    assert a.union(b).contains(a)
    assert a.union(b).contains(b)
    assert a.touches(b) == b.touches(a)
    assert not a.contains(b) or a.touches(b)
