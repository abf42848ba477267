"""PostgreSQL's programs on this machine, and the account they may run under."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cim.errors import DatabaseError

INSTALL = "sudo apt-get install -y --no-install-recommends postgresql-postgis"
_LIBRARY = Path("/usr/lib/postgresql")
_SHARE = Path("/usr/share/postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that PostgreSQL runs under; it refuses to be root."""

    uid: int
    gid: int
    name: str
    switch: bool  # whether we are root and must change to it


def myself() -> Account:
    """The account that this process runs under."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run under a number without a name
        name = str(uid)
    return Account(uid=uid, gid=os.getegid(), name=name, switch=False)


def account() -> Account:
    """Ourselves, or Debian's ``postgres`` account where we are root.

    Raises:
        DatabaseError: root without that account.
    """
    if os.geteuid() != 0:
        return myself()
    try:
        theirs = pwd.getpwnam("postgres")
    except KeyError as error:
        raise DatabaseError(
            "there is no account `postgres`, and PostgreSQL refuses to run as root", remedy=INSTALL
        ) from error
    return Account(uid=theirs.pw_uid, gid=theirs.pw_gid, name="postgres", switch=True)


def find(override: Path | None) -> Path:
    """The folder of PostgreSQL's programs: the given one, else the newest that has PostGIS.

    Raises:
        DatabaseError: none is installed; the remedy is the one line an administrator types.
    """
    if override is not None:
        if not (override / "initdb").is_file():
            raise DatabaseError("CIM_PG_BIN holds no initdb", path=override, remedy=INSTALL)
        return override
    majors = sorted((int(p.name) for p in _LIBRARY.glob("*") if p.name.isdigit()), reverse=True)
    for major in majors:
        folder = _LIBRARY / str(major) / "bin"
        extension = _SHARE / str(major) / "extension" / "postgis.control"
        if (folder / "initdb").is_file() and extension.is_file():
            return folder
    raise DatabaseError(
        "PostgreSQL with PostGIS is not installed",
        remedy=f"{INSTALL}   (or point CIM_DATABASE_URL at a server)",
    )


def major(programs: Path) -> str:
    """Major version of the programs, such as "15"."""
    text = subprocess.run(
        [programs / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    return text.split()[2].split(".")[0]  # "postgres (PostgreSQL) 15.18 (Debian ...)"


def run(
    who: Account, command: list[str | Path], *, timeout: float = 300, pass_fds: tuple[int, ...] = ()
) -> tuple[int, str]:
    """Run a program of PostgreSQL's; its code and its words.

    The server inherits its starter's descriptors: with a pipe the call would never come back, so
    the words go through a temporary file.
    """
    switch: dict[str, object] = {}
    if who.switch:
        switch = {"user": who.uid, "group": who.gid, "extra_groups": []}
    with tempfile.TemporaryFile() as words:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            timeout=timeout,
            check=False,
            pass_fds=pass_fds,
            **switch,  # type: ignore[call-overload]
        )
        words.seek(0)
        return int(done.returncode), words.read().decode("utf-8", "replace")
