#!/bin/sh
# Makes the goldens of laying: what PostGIS says of random pipes and pits.
# Run from the project: CIM_DATABASE_URL=postgresql://... sh tests/golden/laying/make.sh
set -eu
exec "${PYTHON:-python}" -m tests.golden.laying.make
