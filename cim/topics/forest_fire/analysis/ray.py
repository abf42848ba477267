"""Where a camera's ray meets the ground, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.visibility.sight import crossings

Floats = npt.NDArray[np.float64]
BASE = 20.0  # m: cameras of one tower stand nearer together
CHI = 5.991  # 95 % of a two-dimensional normal distribution lie within this squared radius


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera that has seen something.

    Args:
        x: In the grid's CRS, m.
        y: m.
        height: Of the lens above ground, m.
        azimuth: Of what it sees, degrees clockwise from grid north.
        pitch: Above the horizontal, degrees; negative downwards.
        sigma_azimuth: Standard error, degrees.
        sigma_pitch: Standard error, degrees.
    """

    x: float
    y: float
    height: float
    azimuth: float
    pitch: float
    sigma_azimuth: float
    sigma_pitch: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hit:
    """A place on the ground.

    Args:
        x: m.
        y: m.
        z: Height of the ground, m.
        away: From the camera on the plane, m; of several cameras from the first.
        covariance: (2, 2) of x and y, m².
    """

    x: float
    y: float
    z: float
    away: float
    covariance: Floats

    def ellipse(self, share: float = CHI) -> tuple[float, float, float]:
        """Half axes (m), the longer first, and its direction, degrees from grid north."""
        values, vectors = np.linalg.eigh(self.covariance)
        long = vectors[:, 1]
        half = np.sqrt(np.maximum(values, 0.0) * share)
        turn = math.degrees(math.atan2(float(long[0]), float(long[1]))) % 180
        return float(half[1]), float(half[0]), turn

    def outline(self, corners: int = 73) -> Floats:
        """(corners, 2) x, y of the 95 % ellipse, m."""
        values, vectors = np.linalg.eigh(self.covariance)
        turn = np.linspace(0, 2 * np.pi, corners)
        half = np.sqrt(np.maximum(values, 0.0) * CHI)
        ring = np.stack([half[0] * np.cos(turn), half[1] * np.sin(turn)], axis=1) @ vectors.T
        return np.asarray(ring + np.array([self.x, self.y]))


def _first(grid: Grid, camera: Camera, pitch: float, reach: float, bend: float) -> float | None:
    """Distance on the plane at which a ray meets the ground; None where it never does.

    Raises:
        ParameterError: the ground on the way is unknown before it is met.
    """
    turn = math.radians(camera.azimuth)
    stop = (camera.x + reach * math.sin(turn), camera.y + reach * math.cos(turn))
    part, x, y = crossings(grid, (camera.x, camera.y), stop)
    away = part * reach
    ground = grid.bilinear_at(x, y)
    rows, columns = grid.index(x, y)
    beyond = (
        (rows < 0) | (columns < 0) | (rows > grid.heights.shape[0] - 1)
        | (columns > grid.heights.shape[1] - 1)
    )  # fmt: skip
    foot = ground[0]
    if not math.isfinite(foot):
        raise ParameterError(
            "the camera stands where the elevation model has no height",
            remedy="check its place, or ingest a DEM that covers it",
        )
    line = foot + camera.height + away * math.tan(math.radians(pitch)) + bend * away**2
    over = line - ground
    below = np.flatnonzero((over <= 0) & (away > 0))
    blind = np.flatnonzero(np.isnan(over) & ~beyond)
    if blind.size and (not below.size or blind[0] < below[0]):
        raise ParameterError(
            f"the ground is unknown {away[blind[0]]:.0f} m along the ray",
            remedy="ingest a DEM without that gap, or use a second camera",
        )
    if not below.size:
        return None
    i = int(below[0])
    near, far = float(away[i - 1]), float(away[i])
    rise = math.tan(math.radians(pitch))
    for _ in range(24):  # to micrometres; between the grid's lines the ground is curved
        at = (near + far) / 2
        z = grid.bilinear(camera.x + at * math.sin(turn), camera.y + at * math.cos(turn))
        if foot + camera.height + at * rise + bend * at**2 > z:
            near = at
        else:
            far = at
    return far


def locate(grid: Grid, camera: Camera, *, reach: float, bend: float) -> Hit:
    """Where the ray of one camera first meets the ground.

    The line is straight; the ground falls below it by the Earth's curvature less refraction:
    drop = (1 - k) d² / 2R. Along the ray the error comes from the pitch, by meeting the ground with
    the pitch a standard error higher and lower; across it from the azimuth.

    Args:
        grid: The ground.
        camera: The camera.
        reach: Farthest distance looked at, m.
        bend: (1 - k) / 2R, 1/m.

    Raises:
        ParameterError: the ray never meets the ground, leaves the model, or crosses unknown ground.

    References:
        Closed form on a plane: height / tan(-pitch).
    """
    away = _first(grid, camera, camera.pitch, reach, bend)
    if away is None:
        raise ParameterError(
            f"a ray at {camera.pitch:+.2f}° never meets the ground within {reach:.0f} m",
            remedy="lower the pitch, look farther, or use a second camera",
        )
    ends = [
        _first(grid, camera, camera.pitch + sign * camera.sigma_pitch, reach, bend)
        for sign in (1, -1)
    ]
    near = ends[1] if ends[1] is not None else away
    far = ends[0] if ends[0] is not None else reach  # a ray a little higher misses the hill
    along = max(far - away, away - near)
    across = away * math.radians(camera.sigma_azimuth)
    turn = math.radians(camera.azimuth)
    ahead, aside = np.array([math.sin(turn), math.cos(turn)]), np.array(
        [math.cos(turn), -math.sin(turn)])  # fmt: skip
    covariance = along**2 * np.outer(ahead, ahead) + across**2 * np.outer(aside, aside)
    x, y = camera.x + away * ahead[0], camera.y + away * ahead[1]
    return Hit(x=float(x), y=float(y), z=grid.bilinear(float(x), float(y)), away=away,
               covariance=covariance)  # fmt: skip


def intersect(grid: Grid, cameras: Sequence[Camera]) -> Hit:
    """Where the bearings of two or more cameras cross, by least squares.

    Raises:
        ParameterError: the cameras stand at one place, the bearings are nearly parallel, or they
            cross behind a camera.
    """
    apart = max(math.hypot(c.x - cameras[0].x, c.y - cameras[0].y) for c in cameras)
    if apart < BASE:  # their bearings cross at the mast itself, with an ellipse of no size
        raise ParameterError(
            f"the cameras stand {apart:.1f} m apart: bearings from one place cross nowhere else",
            remedy="use a camera of another tower",
        )
    place = np.array([0.0, 0.0])
    weight = np.ones(len(cameras))
    information = np.zeros((2, 2))
    for _ in range(20):  # weights hang on the distances, which hang on the place
        information = np.zeros((2, 2))
        right = np.zeros(2)
        for camera, w in zip(cameras, weight, strict=True):
            turn = math.radians(camera.azimuth)
            normal = np.array([math.cos(turn), -math.sin(turn)])
            information += w * np.outer(normal, normal)
            right += w * normal * (normal @ np.array([camera.x, camera.y]))
        if np.linalg.cond(information) > 1e6:
            raise ParameterError(
                "the cameras look along nearly the same line",
                remedy="use a camera that looks from another side",
            )
        new = np.linalg.solve(information, right)
        moved = float(np.hypot(*(new - place)))
        place = new
        away = [math.hypot(place[0] - c.x, place[1] - c.y) for c in cameras]
        weight = np.array([
            1 / max(d * math.radians(max(c.sigma_azimuth, 1e-4)), 1e-3) ** 2
            for d, c in zip(away, cameras, strict=True)
        ])  # fmt: skip
        if moved < 1e-4:
            break
    for number, camera in enumerate(cameras, start=1):
        turn = math.radians(camera.azimuth)
        if (place[0] - camera.x) * math.sin(turn) + (place[1] - camera.y) * math.cos(turn) <= 0:
            raise ParameterError(
                f"the bearings cross behind camera {number}",
                remedy="check the azimuths: they count from true north, clockwise",
            )
    return Hit(
        x=float(place[0]), y=float(place[1]), z=grid.bilinear(float(place[0]), float(place[1])),
        away=math.hypot(place[0] - cameras[0].x, place[1] - cameras[0].y),
        covariance=np.asarray(np.linalg.inv(information), np.float64),
    )  # fmt: skip
