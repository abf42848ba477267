"""The documentation is true: its pages follow the declarations, its commands and links exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from cim import layers
from cim.cli import app
from cim.commands import given
from cim.commands.reference import pages
from cim.topic import Analysis
from cim.topics import discover

ANALYSES = [analysis for topic in discover() for analysis in topic.analyses]
PROJECT = Path(__file__).resolve().parent.parent
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text("utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                text = line.split("#")[0].strip()
                if text.startswith(("cim ", "make ")) and "..." not in text and "[" not in text:
                    found.append((page.name, text))
    return found


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_reference_page_is_what_the_declarations_say(name: str) -> None:
    written = (PROJECT / "docs" / "reference" / name).read_text("utf-8")
    assert written == pages()[name], "run `cim reference`"


def test_no_reference_page_is_left_of_something_that_is_gone() -> None:
    assert {p.name for p in (PROJECT / "docs" / "reference").glob("*.md")} == set(pages())


@pytest.mark.parametrize(("page", "text"), commands())
def test_a_documented_command_exists(page: str, text: str) -> None:
    words = shlex.split(text)
    if words[0] == "make":
        makefile = (PROJECT / "Makefile").read_text()
        assert re.search(rf"^{words[1]}:.*## ", makefile, re.MULTILINE), (page, text)
        return
    command = typer.main.get_command(app)
    for word in words[1:]:
        inner = getattr(command, "commands", {}).get(word)
        if inner is None:
            break
        command = inner
    assert not hasattr(command, "commands"), f"{page}: {text} names no command"
    if words[1] == "run":
        return  # its options are the analysis' parameters, see below
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    asked = {word.split("=")[0] for word in words[1:] if word.startswith("--")}
    assert asked <= known, f"{page}: {text}"


def test_documented_runs_name_parameters_of_their_analysis() -> None:
    analyses = {a.id: a for topic in discover() for a in topic.analyses}
    runs = [shlex.split(text) for _, text in commands() if text.startswith("cim run")]
    assert runs
    for words in runs:
        analysis = analyses[words[2]]
        asked = {w[2:].replace("-", "_") for w in words[3:] if w.startswith("--")}
        assert asked <= set(analysis.parameters.model_fields) | {"example", "json", "list"}


def test_documented_declarations_are_ones() -> None:
    found = 0
    for page in PAGES:
        for block in re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for declared in tomllib.loads(block).get("layers", []):
                layers.from_dict(declared)
                found += 1
    assert found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_leads_with_the_two_commands_and_a_picture() -> None:
    for name in ("README.md", "README.zh.md"):
        head = (PROJECT / name).read_text("utf-8")[:1200]
        assert "make demo" in head
        assert "make test" in head
        assert "docs/images/overview.png" in head


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda a: a.id)
def test_the_command_of_a_page_asks_the_example(analysis: Analysis) -> None:
    """As a shell splits it: areas are JSON in quotes, not words of Python."""
    page = pages()[f"{analysis.id}.md"]
    command = page.split("```sh\n", 1)[1].split("```", 1)[0].replace("\\\n", " ")
    program, verb, name, *words = shlex.split(command)
    assert [program, verb, name] == ["cim", "run", analysis.id]
    handed = SimpleNamespace(uploads=None)  # files of the sample are named, not sent
    asked = analysis.parse(given.values(analysis, words, handed))  # type: ignore[arg-type]
    assert asked == analysis.parse(analysis.example)


@pytest.mark.parametrize("analysis", [a for a in ANALYSES if a.guide], ids=lambda a: a.id)
def test_the_guide_of_an_analysis_says_its_limits_and_how_it_is_proved(analysis: Analysis) -> None:
    text = (PROJECT / "docs" / analysis.guide).read_text("utf-8")
    assert analysis.id in text
    assert "proved" in text.lower()
    assert "limits" in text.lower() or "Not told" in text
    assert f"(../{analysis.guide})" in pages()[f"{analysis.id}.md"]


def test_every_analysis_of_the_ten_questions_has_a_guide() -> None:
    asked = ("pipelines", "forest_fire", "geohazards", "planning")
    assert all(a.guide for a in ANALYSES if a.id.split(".")[0] in asked)
