#!/bin/sh
# Makes .venv from the locked dependencies: `install-environment.sh PYTHON run|dev`.
set -eu
python=$1
locked=requirements/$2.txt
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Postroom needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3.11" >&2
    exit 1
}
"$python" -m venv .venv || {
    echo "the environment could not be made; on Debian run: sudo apt-get install python3-venv, then: rm -r .venv" >&2
    exit 1
}
echo "Installing $locked into .venv ..."
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$locked"
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
