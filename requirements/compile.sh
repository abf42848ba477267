#!/usr/bin/env bash
# Re-pins every dependency with hashes, without a word about where to download from.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() { uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml "$@"; }
# What is served has the versions that were tested: development first, it bounds the others.
pin --extra build --extra node --extra dev -o requirements/dev.txt
pin --extra build --extra node -c requirements/dev.txt -o requirements/node.txt
pin --extra build -c requirements/dev.txt -o requirements/base.txt
