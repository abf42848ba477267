"""Errors say what, where and what to do, also from another process."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest

from cim import errors
from cim.errors import CimError, FormatError

ALL = [v for v in vars(errors).values() if inspect.isclass(v) and issubclass(v, CimError)]


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = FormatError("it is cut short", path=Path("a/b.tif"), remedy="deliver it again")
    assert str(error) == "a/b.tif: it is cut short → deliver it again"


def test_an_error_without_place_or_remedy_is_its_reason() -> None:
    assert str(FormatError("it is cut short")) == "it is cut short"


@pytest.mark.parametrize("kind", ALL, ids=lambda k: k.__name__)
def test_an_error_comes_back_whole_from_a_worker(kind: type[CimError]) -> None:
    sent = kind("reason", path="file", remedy="remedy")
    came = pickle.loads(pickle.dumps(sent))  # noqa: S301
    assert type(came) is kind
    assert (came.reason, came.path, came.remedy) == ("reason", "file", "remedy")


@pytest.mark.parametrize("kind", ALL, ids=lambda k: k.__name__)
def test_whose_fault_it_is_shows_in_the_status(kind: type[CimError]) -> None:
    ours = issubclass(kind, errors.MachineError) or kind is CimError
    assert (kind.status >= 500) is ours
