"""What can go wrong, and whose turn it is to mend it.

    CimError
    ├── InputError            what was given cannot be used; the giver mends it
    │   ├── FormatError       a file is not what its name or header says
    │   ├── CrsError          a place on Earth cannot be told, or is told wrongly
    │   ├── OutsideCityError  the data lie outside the city's bounds
    │   ├── DeclarationError  a city, layer, topic or analysis is declared wrongly
    │   ├── ParameterError    a parameter is missing, unknown or out of its limits
    │   └── TooLargeError     more was sent than is taken at once
    ├── NotFoundError         nothing by that name
    ├── ConflictError         somebody else is doing that just now
    ├── CheckError            what was built did not pass its own checks; nothing was published
    └── MachineError          the machine lacks something; its administrator mends it
        ├── DatabaseError     no database, or not one that we can use
        ├── StorageError      the disk is full or a folder cannot be written
        ├── MissingError      something that is not installed: a font, a program
        └── PortError         the address to serve at is taken

Every error says what is wrong, where, and what to do about it. The command line prints it and
ends with code 2; HTTP answers problem+json with the status beside the class (``STATUS``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class CimError(Exception):
    """Something went wrong that a person can mend.

    Args:
        reason: What is wrong, one sentence.
        path: The file or folder it is wrong with, if any.
        remedy: What to do about it, one sentence; empty only where nothing can be done.
    """

    status: ClassVar[int] = 500

    def __init__(self, reason: str, *, path: Path | str | None = None, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = None if path is None else str(path)
        self.remedy = remedy

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.reason}" + (f" → {self.remedy}" if self.remedy else "")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the keyword arguments on the way back from a worker process."""
        return (_rebuild, (type(self), self.reason, self.path, self.remedy))


def _rebuild(kind: type[CimError], reason: str, path: str | None, remedy: str) -> CimError:
    return kind(reason, path=path, remedy=remedy)


class InputError(CimError):
    """What was given cannot be used; the giver mends it."""

    status = 422


class FormatError(InputError):
    """A file is not what its name or header says."""


class CrsError(InputError):
    """A place on Earth cannot be told, or is told wrongly."""


class OutsideCityError(InputError):
    """The data lie outside the city's bounds."""


class DeclarationError(InputError):
    """A city, layer, topic or analysis is declared wrongly."""


class ParameterError(InputError):
    """A parameter is missing, unknown or out of its limits."""


class TooLargeError(InputError):
    """More was sent than is taken at once."""

    status = 413


class NotFoundError(CimError):
    """Nothing by that name."""

    status = 404


class ConflictError(CimError):
    """Somebody else is doing that just now."""

    status = 409


class CheckError(CimError):
    """What was built did not pass its own checks; nothing was published."""

    status = 422


class MachineError(CimError):
    """The machine lacks something; its administrator mends it."""

    status = 503


class DatabaseError(MachineError):
    """No database, or not one that we can use."""


class StorageError(MachineError):
    """The disk is full or a folder cannot be written."""


class MissingError(MachineError):
    """Something that is not installed: a font, a program."""


class PortError(MachineError):
    """The address to serve at is taken."""
