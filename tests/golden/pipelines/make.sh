#!/bin/sh
# Makes the goldens of the networks: what WNTR 1.5.0 says of networks that it carries.
# Run from the project: sh tests/golden/pipelines/make.sh
set -eu
exec "${PYTHON:-python}" -W ignore -m tests.golden.pipelines.make
