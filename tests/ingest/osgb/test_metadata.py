"""metadata.xml in all its forms, and what is said where it is of no use."""

from __future__ import annotations

from pathlib import Path

import pytest

from cim.errors import CrsError, FormatError, InputError
from cim.ingest.sources.osgb.metadata import Georeference, find, georeference, read
from tests.ingest.osgb.scenes import metadata

CUSTOM = """PROJCS["LOCAL / 3-degree Gauss-Kruger CM 113.36E",
    GEOGCS["China Geodetic Coordinate System 2000",
        DATUM["China_2000", SPHEROID["CGCS2000",6378137,298.257222101]],
        PRIMEM["Greenwich",0], UNIT["degree",0.0174532925199433]],
    PROJECTION["Transverse_Mercator"],
    PARAMETER["latitude_of_origin",0], PARAMETER["central_meridian",113.37],
    PARAMETER["scale_factor",1], PARAMETER["false_easting",500000],
    PARAMETER["false_northing",90], UNIT["metre",1], AUTHORITY["EPSG","4547"]]"""


def placed(path: Path | None, crs: str | None = None) -> Georeference:
    return georeference(path, Path("delivery"), crs, None)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "metadata.xml"
    path.write_bytes(text.encode(encoding))
    return path


def test_an_epsg_code_is_taken(tmp_path: Path) -> None:
    place = placed(metadata(tmp_path, "EPSG:4545", "377000,3900000,1400"))
    assert place.resolved is not None
    assert place.resolved.crs.to_epsg() == 4545
    assert place.origin == (377000, 3900000, 1400)


def test_a_wkt_is_taken_at_its_parameters_and_its_tag_reported(tmp_path: Path) -> None:
    place = placed(metadata(tmp_path, CUSTOM))
    assert place.resolved is not None
    assert place.resolved.crs.to_epsg() is None
    (warning,) = place.resolved.warnings
    assert "EPSG:4547" in warning
    assert "km" in warning


def test_enu_is_latitude_first(tmp_path: Path) -> None:
    place = placed(metadata(tmp_path, "ENU:35.22,106.65", "-958,-993,69"))
    assert place.resolved is None
    assert place.enu == (35.22, 106.65)
    assert place.origin == (-958, -993, 69)


def test_a_swapped_enu_says_which_comes_first(tmp_path: Path) -> None:
    with pytest.raises(CrsError, match="latitude comes first"):
        placed(metadata(tmp_path, "ENU:106.65,35.22"))


def test_a_missing_version_and_a_missing_height_are_no_fault(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "<ModelMetadata><SRS>\n EPSG:4545 \n</SRS><SRSOrigin>1, 2</SRSOrigin></ModelMetadata>",
    )
    assert read(path) == ("EPSG:4545", (1, 2, 0))


@pytest.mark.parametrize("encoding", ["GB2312", "gbk", "UTF-16", "utf-8"])
def test_an_encoding_that_the_header_announces_is_read(tmp_path: Path, encoding: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><ModelMetadata><!-- 坐标系 -->'
        "<SRS>EPSG:4545</SRS><SRSOrigin>1,2,3</SRSOrigin></ModelMetadata>"
    )
    assert read(write(tmp_path, text, encoding)) == ("EPSG:4545", (1, 2, 3))


def test_an_encoding_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="no-such"?><ModelMetadata/>'
    with pytest.raises(FormatError, match="not well-formed XML"):
        read(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("<ModelMetadata><SRS>EPSG:45", FormatError, "not well-formed XML"),
        ("", FormatError, "not well-formed XML"),
        ("<html></html>", FormatError, "not a ModelMetadata"),
        ("<ModelMetadata><SRSOrigin>1,2,3</SRSOrigin></ModelMetadata>", CrsError, "no SRS"),
        ("<ModelMetadata><SRS> </SRS></ModelMetadata>", CrsError, "no SRS"),
        ("<ModelMetadata><SRS>EPSG:4545</SRS></ModelMetadata>", CrsError, "no SRSOrigin"),
        (
            "<ModelMetadata><SRS>EPSG:4545</SRS><SRSOrigin>a,b,c</SRSOrigin></ModelMetadata>",
            FormatError,
            "no two or three numbers",
        ),
        (
            "<ModelMetadata><SRS>EPSG:4545</SRS><SRSOrigin>1,nan,3</SRSOrigin></ModelMetadata>",
            FormatError,
            "no two or three numbers",
        ),
        (
            "<ModelMetadata><SRS>EPSG:99999</SRS><SRSOrigin>1,2,3</SRSOrigin></ModelMetadata>",
            CrsError,
            "not a coordinate reference system",
        ),
        (
            "<ModelMetadata><SRS>EPSG:4490</SRS><SRSOrigin>1,2,3</SRSOrigin></ModelMetadata>",
            CrsError,
            "counts in degrees",
        ),
        (
            '<!DOCTYPE m [<!ENTITY a "b">]><ModelMetadata><SRS>&a;</SRS></ModelMetadata>',
            FormatError,
            "entities",
        ),
    ],
)
def test_metadata_that_do_not_place_the_delivery_name_file_and_remedy(
    tmp_path: Path, text: str, kind: type[InputError], message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(kind, match=message) as caught:
        placed(path)
    assert caught.value.path == str(path)
    assert "--crs" in caught.value.remedy
    assert "--origin" in caught.value.remedy


def test_without_metadata_both_options_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CrsError, match="no --crs was given"):
        georeference(None, tmp_path, None, None)
    with pytest.raises(CrsError, match="no --origin was given"):
        georeference(None, tmp_path, "EPSG:4545", None)


def test_options_win_over_malformed_metadata(tmp_path: Path) -> None:
    path = write(tmp_path, "<broken")
    place = georeference(path, tmp_path, "EPSG:4544", (1.0, 2.0, 3.0))
    assert place.resolved is not None
    assert place.resolved.crs.to_epsg() == 4544
    assert place.origin == (1, 2, 3)


def test_a_given_crs_keeps_the_origin_of_the_file(tmp_path: Path) -> None:
    place = placed(metadata(tmp_path, CUSTOM, "7,8,9"), "EPSG:4544")
    assert place.resolved is not None
    assert place.resolved.crs.to_epsg() == 4544
    assert place.origin == (7, 8, 9)


def test_the_name_is_found_in_any_case(tmp_path: Path) -> None:
    metadata(tmp_path).rename(tmp_path / "Metadata.XML")
    assert find(tmp_path) == tmp_path / "Metadata.XML"
    assert find(tmp_path / "nowhere") is None
