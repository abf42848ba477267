"""What is served runs on what is pinned for serving: development pins more, and would hide it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tests import outside

PINNED = outside.PROJECT / "requirements"
_LINE = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ]+)", re.MULTILINE)

# Imports everything with a guard in front that knows no distribution but those that are pinned.
GUARDED = """
import importlib, importlib.metadata, pkgutil, re, sys
pinned, inner = set(sys.argv[1].split(",")), sys.argv[2].split(",")
owners = importlib.metadata.packages_distributions()

class Guard:
    def find_spec(self, name, path=None, target=None):
        own = owners.get(name.partition(".")[0], ())
        own = {re.sub(r"[-_.]+", "-", one).lower() for one in own}
        if own and not own & pinned:
            raise ModuleNotFoundError(f"{name} of {', '.join(own)} is not pinned")
        return None

sys.meta_path.insert(0, Guard())
import cim
names = [m.name for m in pkgutil.walk_packages(cim.__path__, "cim.")]
for name in [*(n for n in names if ".migrations" not in n), *inner]:
    importlib.import_module(name)
print(len(names))
"""


def pinned(name: str) -> dict[str, str]:
    """Version by distribution."""
    text = (PINNED / f"{name}.txt").read_text()
    return {re.sub(r"[-_.]+", "-", n): version for n, version in _LINE.findall(text)}


def imported_inside() -> set[str]:
    """Modules of others that are imported within functions, which a mere import does not meet."""
    found: set[str] = set()
    for path in (outside.PROJECT / "cim").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module)
    return {name for name in found if name.partition(".")[0] not in {"cim", "__future__"}}


@pytest.mark.parametrize("name", ["base", "node"])
def test_what_is_served_has_the_versions_that_are_tested(name: str) -> None:
    tested = pinned("dev")
    assert {n: v for n, v in pinned(name).items() if tested.get(n) != v} == {}


def test_everything_can_be_imported_with_what_is_pinned_for_serving() -> None:
    allowed = ",".join([*pinned("base"), "cim-city"])
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, allowed, ",".join(sorted(imported_inside()))],
        capture_output=True, text=True, check=False, cwd=outside.PROJECT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 300
