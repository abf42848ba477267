#!/bin/sh
# Makes the goldens of the viewshed: what GDAL and GRASS say of two small synthetic terrains.
# Run from the project: sh tests/golden/viewshed/make.sh   (needs gdal-bin and grass-core)
# Versions that made the committed files: GDAL 3.6.2, GRASS 8.2.1, of Debian 12.
set -eu
exec "${PYTHON:-python}" -m tests.golden.viewshed.make
