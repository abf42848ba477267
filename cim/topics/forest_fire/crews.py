"""Tables of a response: teams and water."""

from __future__ import annotations

from typing import Any

from cim.topic import Table


def team_table(rows: list[dict[str, Any]]) -> Table:
    """Teams, the quickest first."""
    return Table(
        title="队伍到达", title_en="Teams",
        columns=(("name", "队伍", "Team", ""), ("minutes", "到达", "Arrives in", "min"),
                 ("drive", "行车", "Drive", "min"), ("walk", "步行", "On foot", "min"),
                 ("length", "路程", "By road", "km"), ("people", "人数", "People", "{person}"),
                 ("phone", "电话", "Telephone", "")),
        rows=rows,
    )  # fmt: skip


def water_table(rows: list[dict[str, Any]]) -> Table:
    """Where water is taken, the shortest round trip first."""
    return Table(
        title="水源", title_en="Water",
        columns=(("name", "水源", "Water", ""), ("volume", "水量", "Volume", "m3"),
                 ("drive", "单程行车", "One way", "min"), ("round", "往返", "Round trip", "min")),
        rows=rows,
    )  # fmt: skip
