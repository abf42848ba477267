#!/bin/sh
# Makes the golden of roads: what PostGIS and pgRouting say of ways over random streets.
# Run from the project: CIM_DATABASE_URL=postgresql://... sh tests/golden/roads/make.sh
set -eu
exec "${PYTHON:-python}" -m tests.golden.roads.make
