"""An S3-compatible object store for published versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.exceptions import NotFoundError as NoObjectError
from obstore.store import from_url

from cim.errors import StorageError

AT_ONCE = 8  # uploads side by side


class Store:
    """Objects below one address.

    Args:
        url: ``s3://bucket/prefix``; credentials, region and endpoint come from the usual AWS_*
            variables (AWS_ENDPOINT_URL for a store of one's own, AWS_ALLOW_HTTP=true without TLS).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        with self._errors():
            self._store: Any = from_url(url)

    def read(self, name: str) -> bytes | None:
        """A whole object; None where there is none.

        Raises:
            StorageError: the store does not answer.
        """
        with self._errors():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except (NoObjectError, FileNotFoundError):
                return None

    def names(self, prefix: str) -> list[str]:
        """Names of all objects below a prefix, relative to it.

        Raises:
            StorageError: the store does not answer.
        """
        with self._errors():
            found = [
                str(entry["path"])
                for batch in obstore.list(self._store, prefix=f"{prefix}/")
                for entry in batch
            ]
        return sorted(name.removeprefix(f"{prefix}/") for name in found)

    def replace(self, prefix: str, folder: Path, names: Sequence[Path]) -> None:
        """Put files below a prefix, where nothing else remains.

        Args:
            prefix: Without a slash at its end.
            folder: Where the files lie.
            names: Relative to the folder.

        Raises:
            StorageError: the store does not take them.
        """
        with self._errors():
            for old in obstore.list(self._store, prefix=f"{prefix}/"):
                obstore.delete(self._store, [entry["path"] for entry in old])
            with ThreadPoolExecutor(AT_ONCE) as pool:
                puts = [
                    pool.submit(
                        obstore.put, self._store, f"{prefix}/{name.as_posix()}", folder / name
                    )
                    for name in names
                ]
                for put in puts:
                    put.result()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except BaseError as error:
            raise StorageError(
                f"the object store {self.url} does not do what it is asked: "
                f"{str(error).strip().splitlines()[0]}",
                remedy="check CIM_STORE_URL, AWS_ENDPOINT_URL, AWS_REGION and the credentials",
            ) from error
