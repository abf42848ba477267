"""Where this installation keeps its things: CIM_* from the environment, read once in the roots."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent
SAMPLES = PROJECT / "data-samples" / "huating"


class Settings(BaseSettings):
    """The environment of one installation. Every field is CIM_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="CIM_", extra="ignore", frozen=True)

    database_url: str | None = Field(
        default=None,
        description="PostgreSQL + PostGIS to use; unset: a private cluster in the data folder",
    )
    data_dir: Path = Field(default=PROJECT / "var", description="folder of everything ingested")
    store_url: str | None = Field(
        default=None,
        description="S3-compatible store that published versions are put into too, "
        "s3://bucket/path; credentials and endpoint by AWS_*; unset: the data folder alone",
    )
    city: Path = Field(
        default=PROJECT / "data-samples" / "city.toml", description="the city profile"
    )
    host: str = Field(default="127.0.0.1", description="address to serve at")
    port: int = Field(default=8000, ge=0, le=65535, description="port to serve at")
    upload_mb: float = Field(
        default=64, gt=0, le=4096, description="largest file that may be uploaded, MB; default 64"
    )
    keep_days: float = Field(
        default=30,
        gt=0,
        description="days that uploads and answers are kept after their last use; default 30",
    )
    keep_gb: float = Field(
        default=10,
        gt=0,
        description="room for uploads, and as much again for answers, GB: beyond it the longest "
        "unused are removed, though never within an hour of their use; default 10",
    )
    secret_file: Path | None = Field(default=None, description="file with the signing secret")
    pg_bin: Path | None = Field(
        default=None, description="folder of PostgreSQL's programs; unset: the newest with PostGIS"
    )
    viewer_dist: Path = Field(
        default=PROJECT / "viewer" / "dist", description="the built viewer to serve at /"
    )
