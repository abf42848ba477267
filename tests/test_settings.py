"""Settings come from the environment, under CIM_ and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from cim.settings import PROJECT, Settings


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIM_PORT", "9001")
    monkeypatch.setenv("CIM_DATA_DIR", "/srv/cim")
    settings = Settings()
    assert (settings.port, settings.data_dir) == (9001, Path("/srv/cim"))


def test_without_an_environment_everything_lies_in_the_project() -> None:
    settings = Settings()
    assert settings.database_url is None
    assert settings.data_dir == PROJECT / "var"
    assert settings.city.is_file()
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIM_PORT", port)
    with pytest.raises(ValidationError, match="port"):
        Settings()
