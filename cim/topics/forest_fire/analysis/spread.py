"""When a fire arrives: ellipses of spread in each cell, and the quickest way of them all."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.steps import BETWEEN, MOVES, bearings
from cim.geo.terrain.shape import gradient
from cim.topics.forest_fire.analysis.fuel import FUELS, Bed, Moisture, bed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

FEET_A_MINUTE = 196.850394  # in a metre per second


@dataclass(frozen=True, slots=True, kw_only=True)
class Wind:
    """Wind at midflame height.

    Args:
        speed: m/s.
        toward: Direction it blows to, degrees clockwise from grid north.
    """

    speed: float
    toward: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ellipses:
    """How fire runs in each cell.

    Args:
        fastest: Rate in the direction of fastest spread, m/min; 0 where nothing burns.
        toward: That direction, radians clockwise from grid north.
        eccentricity: Of the ellipse with the ignition in its rear focus.
    """

    fastest: Floats
    toward: Floats
    eccentricity: Floats


def midflame(ten_metre: float, sheltered: float) -> float:
    """Wind at midflame height from that at 10 m, both m/s.

    Args:
        ten_metre: m/s.
        sheltered: Adjustment factor: 0.4 in the open, 0.1 under a closed canopy (Baughman &
            Albini 1980); the 10 m wind is first brought to 20 ft (0.87).
    """
    return ten_metre * 0.87 * sheltered


def ellipses(grid: Grid, codes: Codes, moist: Moisture, wind: Wind) -> Ellipses:
    """Rothermel's rates with wind and slope added as vectors.

    Args:
        grid: The ground.
        codes: Fuel models; others than 1 to 13 do not burn.
        moist: Of all fuels.
        wind: Everywhere the same.

    References:
        Finney (1998), FARSITE, RMRS-RP-4, equations of vectoring; Anderson (1983), INT-305.
    """
    beds = {code: bed(fuel, moist) for code, fuel in FUELS.items()}
    table = np.zeros((256, 4))
    for code, found in beds.items():
        table[code] = _row(found)
    east, north = gradient(grid)
    turn = math.radians(wind.toward)
    fastest, toward, eccentricity = _ellipses(
        codes, np.nan_to_num(east), np.nan_to_num(north), np.isfinite(grid.heights), table,
        wind.speed * FEET_A_MINUTE, math.sin(turn), math.cos(turn),
    )  # fmt: skip
    return Ellipses(fastest=fastest, toward=toward, eccentricity=eccentricity)


def _row(found: Bed) -> tuple[float, float, float, float]:
    return found.rate, found.wind_b, found.wind_k, found.slope_k


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _ellipses(
    codes: Codes, east: Floats, north: Floats, known: npt.NDArray[np.bool_], table: Floats,
    wind: float, wind_x: float, wind_y: float,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    rows, columns = codes.shape
    fastest = np.zeros((rows, columns))
    toward = np.zeros((rows, columns))
    eccentric = np.zeros((rows, columns))
    for row in prange(rows):
        for column in range(columns):
            rate, b, k, slope_k = table[codes[row, column]]
            if rate <= 0.0 or not known[row, column]:
                continue
            factor = k * wind**b if wind > 0 else 0.0
            gx, gy = east[row, column], north[row, column]
            tangent = math.hypot(gx, gy)
            slope = slope_k * tangent * tangent
            x, y = factor * wind_x, factor * wind_y
            if tangent > 0:
                x += slope * gx / tangent
                y += slope * gy / tangent
            together = math.hypot(x, y)
            fastest[row, column] = rate * (1 + together)
            if together > 0:
                toward[row, column] = math.atan2(x, y)
                effective = (together / k) ** (1 / b) / 196.850394 if k > 0 else 0.0
                u = min(effective, 20.0)
                ratio = 0.936 * math.exp(0.2566 * u) + 0.461 * math.exp(-0.1548 * u) - 0.397
                if ratio > 1.0:
                    eccentric[row, column] = math.sqrt(1 - 1 / (ratio * ratio))
    return fastest, toward, eccentric


def rate_toward(found: Ellipses, direction: float) -> Floats:
    """Rate of spread in a direction (degrees from grid north), m/min."""
    turn = math.radians(direction) - found.toward
    e = found.eccentricity
    return np.asarray(found.fastest * (1 - e) / (1 - e * np.cos(turn)))


def arrival(
    grid: Grid, found: Ellipses, ignitions: Ints, minutes: float, *,
    delays: Floats | None = None,
) -> Floats:  # fmt: skip
    """Minutes until fire arrives; infinite where it does not within the time.

    The minimum travel time over moves in thirty-two directions; on a move half the way burns at the
    rate of the one cell and half at that of the other, and what does not burn is not crossed.

    Args:
        grid: The ground.
        found: How fire runs.
        ignitions: (k, 2) rows and columns.
        minutes: How long it is followed.
        delays: (k,) minutes at which each begins; 0 without.

    Raises:
        ParameterError: no ignition lies on anything that burns.

    References:
        Finney (2002), Fire growth using minimum travel time methods, Can. J. Forest Research 32,
        1420-1424.
    """
    alight = found.fastest[ignitions[:, 0], ignitions[:, 1]] > 0
    if not alight.any():
        raise ParameterError(
            "nothing burns where the fire is said to begin: water, rock, buildings or bare land",
            remedy="move the ignition onto vegetation, or check the fuel layer",
        )
    begin = np.zeros(len(ignitions)) if delays is None else np.asarray(delays, np.float64)
    direction, length = bearings(grid.cell)
    return np.asarray(_arrival(
        found.fastest, found.toward, found.eccentricity, ignitions[alight], begin[alight],
        np.radians(direction), length, MOVES, BETWEEN, minutes,
    ))  # fmt: skip


@njit(cache=True, nogil=True, fastmath=False)  # type: ignore[untyped-decorator]
def _arrival(  # noqa: C901, PLR0912  one loop over a heap
    fastest: Floats, toward: Floats, eccentric: Floats, ignitions: Ints, begin: Floats,
    direction: Floats, length: Floats, moves: Ints, passed: Ints, minutes: float,
) -> Floats:  # fmt: skip
    rows, columns = fastest.shape
    best = np.full((rows, columns), np.inf)
    done = np.zeros((rows, columns), np.bool_)
    heap = [(0.0, np.int64(0))]
    heap.pop()
    for i in range(ignitions.shape[0]):
        row, column = ignitions[i, 0], ignitions[i, 1]
        if begin[i] < best[row, column]:
            best[row, column] = begin[i]
            heapq.heappush(heap, (begin[i], row * columns + column))
    sines, cosines = np.sin(direction), np.cos(direction)
    while len(heap) > 0:
        time, place = heapq.heappop(heap)
        row, column = place // columns, place % columns
        if done[row, column]:
            continue
        done[row, column] = True
        if time > minutes:
            break
        e, turn = eccentric[row, column], toward[row, column]
        sine, cosine = math.sin(turn), math.cos(turn)
        own = fastest[row, column] * (1 - e)
        for k in range(moves.shape[0]):
            r, c = row + moves[k, 0], column + moves[k, 1]
            if r < 0 or c < 0 or r >= rows or c >= columns or done[r, c]:
                continue
            if fastest[r, c] <= 0.0:
                continue
            here = own / (1 - e * (cosine * cosines[k] + sine * sines[k]))
            there_e, there_turn = eccentric[r, c], toward[r, c]
            there = (
                fastest[r, c]
                * (1 - there_e)
                / (
                    1
                    - there_e
                    * (math.cos(there_turn) * cosines[k] + math.sin(there_turn) * sines[k])
                )
            )
            reached = time + length[k] * 0.5 * (1 / here + 1 / there)
            if reached >= best[r, c]:
                continue
            shut = False
            for j in range(4):
                if fastest[row + passed[k, j, 0], column + passed[k, j, 1]] <= 0.0:
                    shut = True
                    break
            if shut:
                continue
            best[r, c] = reached
            heapq.heappush(heap, (reached, r * columns + c))
    for row in range(rows):
        for column in range(columns):
            if not best[row, column] <= minutes:
                best[row, column] = np.inf
    return best
