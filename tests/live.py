"""One running server with the sample city for a whole test run, whichever worker asks first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import home, outside

CIM = [sys.executable, "-m", "cim.cli"]
SAMPLE = outside.PROJECT / "data-samples" / "huating"


def city() -> str:
    """Start the server unless another worker has; its address."""
    address = home.folder() / "live.address"
    with home.alone("live"):
        if not address.exists():
            address.write_text(_start(home.folder()))
        return address.read_text()


def _start(folder: Path) -> str:
    shown = outside.installed(folder / "topics", showcase="tests.browser.showcase:TOPIC")
    environment = os.environ | {
        "CIM_DATABASE_URL": home.clone(home.server(), "live"),
        "CIM_DATA_DIR": str(folder / "live"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": f"{outside.PROJECT}{os.pathsep}{shown}",
    }
    done = subprocess.run(
        [*CIM, "deliveries", str(SAMPLE / "deliveries.toml")],
        capture_output=True, text=True, cwd=outside.PROJECT, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    log = (folder / "live.log").open("w")
    process = subprocess.Popen(
        [*CIM, "serve", "--port", "0"],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=outside.PROJECT,
        env=environment,
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
