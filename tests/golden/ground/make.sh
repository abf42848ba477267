#!/bin/sh
# Makes the goldens of the ground: what gdaldem and GRASS say of one small synthetic terrain.
# Run from the project: sh tests/golden/ground/make.sh   (needs gdal-bin and grass-core)
# Versions that made the committed file: GDAL 3.6.2, GRASS 8.2.1, of Debian 12.
set -eu
exec "${PYTHON:-python}" -m tests.golden.ground.make
