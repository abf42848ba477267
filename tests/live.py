"""One running server with the sample city for a whole test run, whichever worker asks first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from cim.installation import open_installation
from cim.settings import Settings
from tests import home, outside

SAMPLE = outside.PROJECT / "data-samples" / "huating"


def city() -> str:
    """Start the server unless another worker has; its address."""
    address = home.folder() / "live.address"
    with home.alone("live"):
        if not address.exists():
            address.write_text(_start(home.folder()))
        return address.read_text()


def _start(folder: Path) -> str:
    try:
        demo = import_module("cim.commands.demo")
    except ImportError:
        pytest.fail("the sample city cannot be ingested yet")
    settings = Settings(
        database_url=home.clone(home.server(), "live"),
        data_dir=folder / "live",
        city=outside.PROJECT / "data-samples" / "city.toml",
    )
    installation = open_installation(settings)
    demo.ingest_sample(installation, SAMPLE)
    installation.engine.dispose()
    log = (folder / "live.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "cim.cli", "serve", "--port", "0"],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=outside.PROJECT,
        env=os.environ
        | {
            "CIM_DATABASE_URL": str(settings.database_url),
            "CIM_DATA_DIR": str(settings.data_dir),
            "PYTHONUNBUFFERED": "1",
        },
        start_new_session=True,
    )
    log.close()
    (folder / "live.pid").write_text(str(process.pid))
    return _address(process, folder / "live.log")


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        words = log.read_text()
        if "http://" in words:
            process.returncode = 0  # it outlives this worker; the controller stops it
            return words[words.index("http://") :].split()[0].rstrip("/")
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")


def stop() -> None:
    """Stop the server, if one was started."""
    path = home.folder() / "live.pid"
    if not path.exists():
        return
    pid = int(path.read_text())
    try:
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            time.sleep(0.1)
            os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
