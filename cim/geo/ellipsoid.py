"""The ellipsoid of CGCS2000 and WGS 84 (their difference is 0.1 mm): degrees to ECEF, fast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

A = 6378137.0
F = 1 / 298.257223563
B = A * (1 - F)
E2 = F * (2 - F)
RADII: Floats = np.array([A, A, B])


def to_ecef(lon: Floats, lat: Floats, height: Floats) -> Floats:
    """Geocentric x, y, z (m), (n, 3), of degrees and ellipsoidal heights (m).

    Example:
        >>> to_ecef(np.array([0.0]), np.array([0.0]), np.array([10.0])).tolist()
        [[6378147.0, 0.0, 0.0]]
    """
    lam, phi = np.radians(lon), np.radians(lat)
    prime = A / np.sqrt(1 - E2 * np.sin(phi) ** 2)
    return np.stack(
        [
            (prime + height) * np.cos(phi) * np.cos(lam),
            (prime + height) * np.cos(phi) * np.sin(lam),
            (prime * (1 - E2) + height) * np.sin(phi),
        ],
        axis=-1,
    )
