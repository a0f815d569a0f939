#!/bin/sh
# Writes the lock files from pyproject.toml: every package with its version and hashes, no index named.
set -eu
lock() {
    output=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url "$@" pyproject.toml -o "requirements/$output.txt"
}
lock run --group build
lock dev --group build --group dev
