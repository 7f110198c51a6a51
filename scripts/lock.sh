#!/bin/sh
# Compiles the locks from pyproject.toml: every package with its version and hashes, no package host named.
# Versions stay as they are where they still fit; `--upgrade` takes newer ones.
set -eu
cd "$(dirname "$0")/.."

uv=$(command -v uv || echo .venv/bin/uv)
if ! [ -x "$uv" ]; then
    echo "make lock needs uv, which is not on PATH. Install it with: pipx install uv" >&2
    exit 1
fi

upgrade=${1:-}

compile() {
    lock=requirements/$1.txt
    shift
    # shellcheck disable=SC2086  # an empty flag must vanish
    "$uv" pip compile --quiet --universal --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links --no-emit-package python3-xlib \
        --override requirements/overrides.txt --output-file "$lock" $upgrade "$@" >/dev/null
    echo "$lock: $(grep -c '==' "$lock") packages"
}

compile runtime pyproject.toml
compile dev pyproject.toml --extra push --group dev --constraint requirements/runtime.txt
compile build --group build --constraint requirements/dev.txt
compile web --group web --constraint requirements/dev.txt
compile wine --group wine
