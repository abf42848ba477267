"""Which projected CRS in metres fits a place."""

from __future__ import annotations

CHINA = (73.5, 17.0, 135.5, 54.0)


def local_zone(lon: float, lat: float) -> str:
    """CGCS2000 3-degree Gauss-Krüger by central meridian within China, UTM elsewhere.

    EPSG:4534 (CM 75E) to EPSG:4554 (CM 135E), one each 3 degrees; at the border of two zones the
    nearer meridian wins.

    Example:
        >>> local_zone(106.65, 35.22), local_zone(-118.2, 34.3)
        ('EPSG:4545', 'EPSG:32611')
    """
    west, south, east, north = CHINA
    if west <= lon <= east and south <= lat <= north:
        return f"EPSG:{4534 + round((min(max(lon, 75.0), 135.0) - 75.0) / 3)}"
    zone = min(int((lon + 180.0) / 6.0) + 1, 60)
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
