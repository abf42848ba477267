"""The house keeps its own rules."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cim import errors
from cim.ingest.sources import SOURCES
from cim.layers import Kind
from cim.settings import Settings
from cim.topics import discover
from tests.outside import PROJECT

MODULES = sorted((PROJECT / "cim").rglob("*.py"))
TESTS = sorted((PROJECT / "tests").rglob("*.py"))
HOMELESS = {"utils", "util", "helpers", "helper", "common", "services", "managers", "misc"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PROJECT)))
def test_a_module_is_short_and_named_for_a_thing(path: Path) -> None:
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    assert len(source.splitlines()) <= 400
    assert not HOMELESS & set(path.relative_to(PROJECT).with_suffix("").parts)
    assert "TODO" not in source
    assert ast.get_docstring(tree), "a module says what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            told = (ast.get_docstring(node, clean=False) or "").count("\n") + 1
            lines = (node.end_lineno or 0) - node.lineno + 1 - told
            assert lines <= 60, f"{node.name} has {lines} lines"


def test_tests_are_sentences() -> None:
    names = [
        node.name
        for path in TESTS
        if path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert len(names) > 100
    assert [n for n in names if n.count("_") < 3] == []


def test_every_test_module_belongs_to_a_room() -> None:
    rooms = {p.parent.relative_to(PROJECT / "cim") for p in MODULES}
    others = {Path(p) for p in ("browser", "samples", "bench", "golden", "docs")}
    for path in TESTS:
        room = path.parent.relative_to(PROJECT / "tests")
        known = room in rooms or Path(*room.parts[:1]) in others or room.parts[:1] == ("ingest",)
        assert known, f"{path} mirrors no room of cim/"


def test_the_tree_of_errors_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn = []
    stack: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"( {4}[│├└─ ]*)(\w+Error)\b(.*)", line)
        if found:
            depth = (len(found.group(1)) - 4) // 4
            stack[depth:] = [found.group(2)]
            drawn.append((found.group(2), stack[-2] if depth else "Exception"))
    written = [
        (name, value.__bases__[0].__name__)
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    ]
    assert len(drawn) == 16
    assert sorted(drawn) == sorted(written)


def test_layer_ids_are_unique_and_their_own_topics() -> None:
    ids = [layer.id for topic in discover() for layer in topic.layers]
    assert len(ids) == len(set(ids))
    assert {t.name for t in discover()} >= {"base", "forest_fire", "pipelines", "geohazards"}


def test_every_layer_of_the_program_is_bilingual_and_placed() -> None:
    for layer in (layer for topic in discover() for layer in topic.layers):
        assert layer.title_en, layer.id
        assert re.search(r"[\u4e00-\u9fff]", layer.title), layer.id
        assert [f.name for f in layer.fields if not f.title or not f.title_en] == [], layer.id
        if layer.kind is Kind.VECTOR:
            assert layer.fields, layer.id


def test_every_setting_says_what_it_is_for() -> None:
    for name, setting in Settings.model_fields.items():
        assert setting.description, name


def test_every_analysis_says_what_its_parameters_are_in_both_languages() -> None:
    analyses = [a for topic in discover() for a in topic.analyses]
    assert "forest_fire.viewshed" in [a.id for a in analyses]
    for analysis in analyses:
        assert analysis.references, analysis.id
        schema = analysis.parameters.model_json_schema()
        for name, field in schema["properties"].items():
            for key in ("title", "description", "x-title-en", "x-unit"):
                assert key in field, f"{analysis.id}.{name} lacks {key}"


def test_all_readers_are_registered_each_with_its_kind() -> None:
    assert {s.name: s.kind for s in SOURCES} == {
        "osgb": Kind.MESH,
        "dem": Kind.TERRAIN,
        "ortho": Kind.IMAGERY,
        "cityjson": Kind.MESH,
        "vector": Kind.VECTOR,
        "footprint": Kind.MESH,
        "flat": Kind.MESH,
        "points": Kind.POINTS,
    }


def test_imports_point_down_only() -> None:
    program = shutil.which("lint-imports", path=f"{Path(sys.executable).parent}:{os.defpath}")
    assert program, "import-linter belongs to the development requirements"
    done = subprocess.run(
        [program, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "0 broken" in done.stdout


def test_every_make_target_has_help() -> None:
    text = (PROJECT / "Makefile").read_text("utf-8")
    phony = {
        name for line in re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE) for name in line.split()
    }
    helped = set(re.findall(r"^([a-z][a-z-]*):.*##", text, re.MULTILINE))
    words = subprocess.run(
        ["make", "-C", str(PROJECT), "help"], capture_output=True, text=True, check=True
    ).stdout
    assert phony
    assert phony - helped == set()
    assert [name for name in helped if name not in words] == []


def test_the_docs_name_every_setting_and_every_layer() -> None:
    text = "\n".join(p.read_text("utf-8") for p in (PROJECT / "docs").rglob("*.md"))
    wanted = [f"CIM_{name.upper()}" for name in Settings.model_fields]
    wanted += [layer.id for topic in discover() for layer in topic.layers]
    assert [word for word in wanted if word not in text] == []
