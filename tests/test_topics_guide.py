"""The page "adding your own topic" works word for word: its package is made, installed, used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cim.installation import Installation
from tests.commands import command
from tests.outside import PROJECT

pytestmark = [pytest.mark.db, pytest.mark.timeout(300)]
PAGES = (PROJECT / "docs" / "topics.md", PROJECT / "docs" / "topics.zh.md")
_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)

FORM = """
import json, sys
from fastapi.testclient import TestClient
from cim.api import create_app
with TestClient(create_app()) as client:
    form = client.get("/api/topics/parking/supply").json()
    said = client.post("/api/topics/parking/supply", json=form["example"]).json()
    layer = client.get("/api/layers/parking.lot").json()
json.dump({"form": form, "said": said, "layer": layer}, sys.stdout)
"""


def blocks(page: Path) -> list[tuple[str, str]]:
    return _BLOCK.findall(page.read_text("utf-8"))


@dataclass(frozen=True)
class Newcomer:
    """Somebody in an empty folder with the page before them."""

    folder: Path
    environment: dict[str, str]

    def types(self, words: list[str]) -> str:
        """Run what the page says; what is printed."""
        if words[0] == "cim":
            words = command(*words[1:])
        elif words[0] == "pip":
            words = [sys.executable, "-m", *words, "--quiet", "--disable-pip-version-check",
                     "--no-index", "--target", str(self.folder / "site")]  # fmt: skip
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=False, timeout=200,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stderr[-2000:]}"
        return done.stdout


@pytest.fixture
def newcomer(installation: Installation, environment: dict[str, str], tmp_path: Path) -> Newcomer:
    del installation
    folder = tmp_path / "work"
    for kind, text in blocks(PAGES[0]):
        if named := re.match(r"# (parking/\S+)\n", text):
            path = folder / named.group(1)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        elif kind == "json":
            (folder / f"{json.loads(text)['name']}.geojson").write_text(text, "utf-8")
    paths = os.pathsep.join([str(PROJECT), str(folder / "site")])
    return Newcomer(folder, environment | {"PYTHONPATH": paths})


def test_the_page_leads_from_nothing_to_a_topic_with_every_face(newcomer: Newcomer) -> None:
    (console,) = [text for kind, text in blocks(PAGES[0]) if kind == "console"]
    said = {line: newcomer.types(line.split()) for line in console.replace("$ ", "").splitlines()}
    told = dict(zip(["install", "layers", "ingest", "list", "ask", "report", "reference"],
                    said.values(), strict=True))  # fmt: skip
    assert "parking.lot" in told["layers"]
    assert "parking.supply" in told["list"]
    assert "UNKNOWN" not in told["ask"]
    assert re.search(r"泊位数\s*│ 105 .*│ PASS", told["ask"])
    assert re.search(r"泊位数\s*│ 105 .*│ UNKNOWN", told["report"])
    assert (newcomer.folder / "parking.pdf").read_bytes().startswith(b"%PDF-")
    page = (newcomer.folder / "reference" / "parking.supply.md").read_text("utf-8")
    assert "步行范围内停车位够不够" in page
    faces = json.loads(newcomer.types([sys.executable, "-c", FORM]))
    assert faces["form"]["parameters"]["properties"]["centre"]["x-widget"] == "point"
    assert [f["value"] for f in faces["said"]["summary"]] == [105, 1]
    assert faces["said"]["tables"][0]["rows"][0]["name"] == "广场停车场"
    assert faces["layer"]["title"] == "停车场"
    newcomer.types([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "parking"])


def test_the_chinese_page_holds_the_same_files_and_commands() -> None:
    assert blocks(PAGES[1]) == blocks(PAGES[0])
