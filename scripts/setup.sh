#!/usr/bin/env bash
# Installs what is missing: system packages, then Python packages pinned with hashes.
# Works for root, for an ordinary user with sudo, and without either where nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-serve}


has() { command -v "$1" > /dev/null 2>&1; }

missing_packages() {
  ls /usr/share/postgresql/*/extension/postgis.control > /dev/null 2>&1 || echo postgresql-postgis
  [ -f /usr/share/proj/egm96_15.gtx ] || echo proj-data
  python3 -c 'import ensurepip, venv' 2> /dev/null || echo python3-venv
  # reports need a font with Chinese letters
  ls /usr/share/fonts/opentype/noto/*CJK* /usr/share/fonts/truetype/droid/*Fallback* \
    /usr/share/fonts/truetype/wqy/* 2> /dev/null | grep -q . || echo fonts-noto-cjk
  [ "$purpose" = test ] || return 0
  has chromium || [ -n "${CIM_CHROMIUM:-}" ] || echo chromium
  has pdftotext || echo poppler-utils
  has gdalwarp || echo gdal-bin
  has grass || echo grass-core
  has osgconv || echo openscenegraph
  ls /usr/share/postgresql/*/extension/pgrouting.control > /dev/null 2>&1 ||
    echo postgresql-pgrouting
}

install_packages() {
  local wanted=("$@") run=()
  if [ "$(id -u)" != 0 ]; then
    if has sudo && { sudo -n true 2> /dev/null || [ -t 0 ]; }; then
      run=(sudo)
    else
      echo "error: these system packages are missing: ${wanted[*]}" >&2
      echo "remedy: an administrator runs: apt-get update && apt-get install -y --no-install-recommends ${wanted[*]}" >&2
      echo "        (for the database alone, CIM_DATABASE_URL may name a PostgreSQL + PostGIS server instead)" >&2
      exit 2
    fi
  fi
  echo "installing system packages: ${wanted[*]}"
  "${run[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
    --no-install-recommends "${wanted[@]}" > /dev/null
}

mapfile -t missing < <(missing_packages)
if [ -n "${CIM_DATABASE_URL:-}" ] && [ "$purpose" = serve ]; then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | grep -v '^postgresql' || true)
fi
missing=(${missing[@]+"${missing[@]}"})
[ "${#missing[@]}" = 0 ] || [ -z "${missing[0]}" ] || install_packages "${missing[@]}"

# One environment; a stamp says which lock it was made from.
lock=requirements/node.txt
[ "$purpose" = test ] && lock=requirements/dev.txt
node_ok() { has node && has npm && [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ]; }
[ "$purpose" = serve ] && node_ok && lock=requirements/base.txt
stamp() { sha256sum < "$1" | cut -c1-16; }
have=$(cat .venv/.lock-stamp 2> /dev/null || true)
if [ "$have" = "$(stamp requirements/dev.txt)" ] || [ "$have" = "$(stamp $lock)" ]; then
  mkdir -p var
  exit 0
fi
[ -x .venv/bin/python ] || python3 -m venv .venv
echo "installing Python packages ($lock)"
.venv/bin/python -m pip install --disable-pip-version-check -q --require-hashes -r "$lock"
.venv/bin/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
stamp "$lock" > .venv/.lock-stamp
mkdir -p var
