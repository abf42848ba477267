"""What a rule says of a measured value."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a rule says. A missing attribute gives UNKNOWN, an unverified rule NEEDS_REVIEW."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    NEEDS_REVIEW = "NEEDS_REVIEW"
