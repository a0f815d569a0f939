#!/bin/sh
# Writes the lock files, from pyproject.toml and for the SDKs that tests use: every package with its version and hashes,
# no index named.
set -eu
lock() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url "$@"
}
lock --group build pyproject.toml -o requirements/run.txt
lock --group build --group dev pyproject.toml -o requirements/dev.txt
for sdk in tests/sdk/python/*.in; do
    lock "$sdk" -o "${sdk%.in}.txt"
done
(cd tests/sdk/javascript && npm install --package-lock-only --no-audit --no-fund --ignore-scripts)
