"""What a check has looked at, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_ERRORS = 100


@dataclass(slots=True)
class Look:
    """One kind of look at a finished folder, and what it found.

    Args:
        name: Of the rule, such as ``tileset.boxes``.
        looked_at: Number of things looked at.
        errors: What is wrong, each naming the file and the rule.
        notes: What is odd, but nobody's harm.
        figures: Numbers worth telling.
        told: Words worth telling.
    """

    name: str
    looked_at: int = 0
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    def fail(self, message: str) -> None:
        """Note a fault; a flood of them is cut off."""
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(message)

    def note(self, message: str) -> None:
        """Note an oddity; a flood of them is cut off."""
        if len(self.notes) < MOST_ERRORS:
            self.notes.append(message)
