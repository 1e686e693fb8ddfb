#!/usr/bin/env bash
# Resolves pyproject.toml and package.json into the lock files; no host is named in any of them.
set -euo pipefail
cd "$(dirname "$0")/.."

lock() {
    .venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header "$@"
}

lock pyproject.toml --group dev --extra kubo --extra text --extra voter --output-file requirements/dev.txt
# The installer itself, taken from that lock, for an environment that has only pip.
awk '/^uv==/ {on = 1} /^[a-z]/ && !/^uv==/ {on = 0} on' requirements/dev.txt >requirements/uv.txt
npm install --package-lock-only --ignore-scripts
