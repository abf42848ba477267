"""邻近住宅: what schemes take of the sun of the homes around, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from cim.geo.crs import to_lonlat
from cim.topic import Context
from cim.topics.planning.analysis.facade import Windows, windows
from cim.topics.planning.asked import convergence_at
from cim.topics.planning.rules import SunRule, sun_rule
from cim.topics.planning.sunlight import Day, day_of, hours
from cim.topics.planning.town import STOREY, InTown, Town, town

Flags = npt.NDArray[np.bool_]
HOME = "住宅"
NEAR = 150.0  # m around the parcels within which homes are looked at
WIDTH, APART, SILL = 1.5, 3.6, 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """South windows of the homes that stand before and after.

    Args:
        windows: How many.
        short: By scheme (None for now), (n,) whether a window has less sun than the rule; empty
            where no rule is known.
        doubtful: Windows for which that hangs on a height that nobody knows.
        silent: Homes without a ground elevation, which are left out.
        gone: Homes that a scheme pulls down, which are left out.
        rule: Of homes; None where climate zone or size of the city have none.
        inputs: For the provenance.
        source: For the evidence.
    """

    windows: int
    short: dict[str | None, Flags]
    doubtful: int
    silent: int
    gone: int
    rule: SunRule | None
    inputs: list[dict[str, Any]]
    source: str

    def count(self, scheme: str | None) -> int | None:
        """Windows below the rule; None without a rule."""
        return None if self.rule is None else int(self.short[scheme].sum())

    def new(self, scheme: str) -> int | None:
        """Of them, those that are not below it now."""
        return None if self.rule is None else int((self.short[scheme] & ~self.short[None]).sum())


def staying(now: pd.DataFrame, after: list[pd.DataFrame]) -> Flags:
    """Which of today's blocks still stand in every case: windows are compared, not houses lost."""
    own = [shape.wkb for shape in now.geometry]
    left = [{shape.wkb for shape in frame.geometry[frame["scheme"].isna()]} for frame in after]
    return np.array([all(one in kept for kept in left) for one in own], bool)


def neighbours(
    asked: InTown, context: Context, names: tuple[str, ...], step: float,
    box: tuple[float, float, float, float],
) -> Neighbours:  # fmt: skip
    """Sun of the homes around a box, now and with each scheme.

    Lowest floors only: what they get, higher ones get too. The hills are left out: they take the
    same before and after.

    Args:
        asked: Which buildings.
        context: The question's.
        names: The schemes.
        step: Of the sun, minutes.
        box: Around their sites, compute CRS.
    """
    rule = sun_rule(context.city.climate_zone, context.city.population)
    cases: dict[str | None, Town] = {
        name: town(context, asked.model_copy(update={"scheme": name}), box, NEAR + 300.0)
        for name in (None, *names)
    }
    now = cases[None].frame
    around = shapely.box(*box).buffer(NEAR)
    homes = now[(now["use"] == HOME) & now.intersects(around)]
    stays = staying(homes, [cases[name].frame for name in names])
    kept = homes[stays]
    seen = _south(kept[np.isfinite(kept["ground"])])
    short: dict[str | None, Flags] = {}
    doubtful = np.zeros(len(seen.floor), bool)
    if rule is not None:
        day = _day(rule, context, step, ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
        for name, standing in cases.items():
            short[name] = _short(seen, standing, day, rule, np.inf)
            if standing.unknown:
                doubtful |= short[name] & ~_short(seen, standing, day, rule, -np.inf)
    return Neighbours(
        windows=len(seen.floor), short=short, doubtful=int(doubtful.sum()),
        silent=int((~np.isfinite(kept["ground"])).sum()), gone=int((~stays).sum()), rule=rule,
        inputs=cases[None].inputs, source=cases[None].source,
    )  # fmt: skip


def _day(rule: SunRule, context: Context, step: float, place: tuple[float, float]) -> Day:
    crs = context.city.compute_crs
    lon, lat = (float(v) for v in to_lonlat(crs, np.array([place]))[0])
    return day_of(
        date(2026, *rule.day), rule.begin, rule.end, step, (lon, lat), convergence_at(crs, *place)
    )


def _south(homes: Any) -> Windows:
    """Windows of the lowest floors that look south, within 45 degrees."""
    parts = [
        windows(home.geometry, float(home.ground), 1, storey=STOREY, sill=SILL, width=WIDTH,
                apart=APART)
        for home in homes.itertuples()
    ]  # fmt: skip
    facing = np.concatenate([np.zeros(0), *(p.facing for p in parts)])
    south = np.cos(np.radians(facing - 180)) > 0.7
    return Windows(
        left=np.concatenate([np.zeros((0, 3)), *(p.left for p in parts)])[south],
        right=np.concatenate([np.zeros((0, 3)), *(p.right for p in parts)])[south],
        facing=facing[south],
        floor=np.concatenate([np.zeros(0, np.int64), *(p.floor for p in parts)])[south],
    )


def _short(seen: Windows, standing: Town, day: Day, rule: SunRule, unknown: float) -> Flags:
    """Windows with less sun than the rule, blocks without a height taken to be so high."""
    if not len(seen.floor):
        return np.zeros(0, bool)
    flat = np.full(day.azimuths.shape, -90.0)
    found = hours(seen, standing.walls.known(unknown), day, flat)
    return np.asarray(found.total < rule.hours - 1e-9)
