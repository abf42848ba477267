"""A private PostgreSQL cluster: Unix socket only, in the data folder, never the system's own.

Root-safe (runs under ``postgres``), crash-safe (stale locks are cleared only while holding a lock
that the server itself inherits), safe to start from many processes at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cim.errors import DatabaseError, StorageError
from cim.store import programs

_CONFIGURATION = """
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 256MB
synchronous_commit = off      # a crash may lose the last transactions, never consistency
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
wal_level = minimal
max_wal_senders = 0
jit = off
dynamic_shared_memory_type = posix
"""
_NOTE = "cluster-is-at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where a private cluster lives and how to reach it.

    Args:
        home: Folder of data, log and locks.
        sockets: Short folder of the Unix socket (a socket's path may have 107 bytes).
        bin: PostgreSQL's programs.
        who: Account of the server.
    """

    home: Path
    sockets: Path
    bin: Path
    who: programs.Account

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.home / "data"

    def url(self, database: str = "cim") -> str:
        """SQLAlchemy URL of a database in the cluster."""
        return f"postgresql+psycopg://cim@/{database}?host={self.sockets}&port=5432"


def locate(data_dir: Path, pg_bin: Path | None = None) -> Cluster:
    """Say where the private cluster of a data folder lives; makes nothing but the folders.

    Raises:
        DatabaseError: no programs, or the socket folder is somebody else's.
        StorageError: the data folder cannot be written.
    """
    who = programs.account()
    folder = programs.find(pg_bin)
    home = _home(data_dir.resolve(), who)
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    sockets = Path(tempfile.gettempdir()) / f"cim-{who.uid}-{digest}"
    _own_folder(sockets, who)
    return Cluster(home=home, sockets=sockets, bin=folder, who=who)


def _home(data_dir: Path, who: programs.Account) -> Path:
    """The data folder's ``postgres``; elsewhere if the account cannot walk there (0700 home)."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the folder cannot be made: {error.strerror}", path=data_dir) from error
    home = data_dir / "postgres"
    reachable, _ = programs.run(who, ["test", "-x", data_dir])
    if who.switch and reachable != 0:
        digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
        home = Path("/var/lib/cim") / digest
        home.parent.mkdir(parents=True, exist_ok=True)
        (data_dir / _NOTE).write_text(f"{home}\n")
    if home.exists() and home.stat().st_uid != who.uid:
        owner = home.owner()
        raise DatabaseError(
            f"the database folder belongs to {owner}, this process would use {who.name}",
            path=home,
            remedy=f"run as the one who made it, or hand it over: chown -R {who.name} {home}",
        )
    _own_folder(home, who)
    return home


def _own_folder(path: Path, who: programs.Account) -> None:
    """Make a 0700 folder of the account's, and refuse one that is a link or somebody else's."""
    try:
        path.mkdir(mode=0o700)
        if who.switch:
            os.chown(path, who.uid, who.gid)
    except FileExistsError:
        pass
    except OSError as error:
        raise StorageError(f"the folder cannot be made: {error.strerror}", path=path) from error
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (who.uid, os.geteuid()):
        raise DatabaseError(
            "the folder is a link or somebody else's", path=path, remedy="remove it and try again"
        )


@contextmanager
def _held(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_up(cluster: Cluster) -> bool:
    """Whether the server answers."""
    code, _ = programs.run(
        cluster.who, [cluster.bin / "pg_isready", "-q", "-h", cluster.sockets, "-p", "5432"]
    )
    return code == 0


def up(cluster: Cluster) -> bool:
    """Start the cluster, making it first if need be; whether it had to be started.

    Raises:
        DatabaseError: it does not start; the log's end is in the reason.
    """
    if is_up(cluster):
        return False
    with _held(cluster.home / "start.lock"):
        if is_up(cluster):
            return False
        if not (cluster.data / "PG_VERSION").exists():
            _initialise(cluster)
        _require_same_major(cluster)
        _start(cluster)
    return True


def _initialise(cluster: Cluster) -> None:
    """Make the data folder beside its final place, then rename: never a half-made cluster."""
    new = cluster.home / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    code, words = programs.run(
        cluster.who,
        [
            cluster.bin / "initdb", "-D", new, "-U", "cim", "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8", "--data-checksums",
        ],
    )  # fmt: skip
    if code != 0:
        raise DatabaseError(f"initdb failed: {words[-2000:].strip()}", path=new)
    with (new / "postgresql.conf").open("a") as file:
        file.write(_CONFIGURATION)
    new.rename(cluster.data)


def _require_same_major(cluster: Cluster) -> None:
    made = (cluster.data / "PG_VERSION").read_text().strip()
    here = programs.major(cluster.bin)
    if made != here:
        raise DatabaseError(
            f"the database was made by PostgreSQL {made}, this machine has {here}",
            path=cluster.data,
            remedy=f"install postgresql-{made}-postgis-3, then move with `cim db dump` and "
            "`cim db restore`",
        )


def _start(cluster: Cluster) -> None:
    """Start the server with a lock that it and its children hold exactly as long as they live."""
    life = cluster.home / "life.lock"
    with life.open("a") as lock:
        if cluster.who.switch:
            os.chown(life, cluster.who.uid, cluster.who.gid)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DatabaseError(
                "a server still holds this database but does not answer",
                path=cluster.home,
                remedy="wait until it has recovered or stopped, then try again",
            ) from error
        _clear_stale(cluster)
        log = cluster.home / "server.log"
        code, words = programs.run(
            cluster.who,
            [
                cluster.bin / "pg_ctl", "-D", cluster.data, "-l", log, "-w", "-t", "120",
                "-o", f"-k {cluster.sockets}", "start",
            ],
            pass_fds=(lock.fileno(),),
        )  # fmt: skip
    if code != 0:
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else words
        raise DatabaseError(f"PostgreSQL does not start: {tail.strip()}", path=log)


def _clear_stale(cluster: Cluster) -> None:
    """Remove locks of a server that died; only ever called while holding ``life.lock``."""
    for stale in (
        cluster.data / "postmaster.pid",
        cluster.sockets / ".s.PGSQL.5432",
        cluster.sockets / ".s.PGSQL.5432.lock",
    ):
        stale.unlink(missing_ok=True)


def down(cluster: Cluster) -> bool:
    """Stop the cluster; whether it was up."""
    if not (cluster.data / "postmaster.pid").exists() or not is_up(cluster):
        return False
    code, words = programs.run(
        cluster.who, [cluster.bin / "pg_ctl", "-D", cluster.data, "-m", "fast", "-w", "stop"]
    )
    if code != 0:
        raise DatabaseError(f"PostgreSQL does not stop: {words[-500:].strip()}")
    return True
