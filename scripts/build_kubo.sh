#!/usr/bin/env bash
# Builds the Kubo that the storage tests compare with, from scripts/kubo/go.sum, into .tools/kubo.
# Needs Go 1.26; takes about two minutes the first time. An `ipfs` of that version on PATH is used
# instead. Prints the path of the binary.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(awk '$1 == "require" && $2 ~ /kubo$/ {print substr($3, 2)}' scripts/kubo/go.mod)
target=$PWD/.tools/kubo/ipfs-$version

has_version() { [ "$("$1" version --number 2>/dev/null)" = "$version" ]; }

if [ -x "$target" ]; then
    :
elif command -v ipfs >/dev/null && has_version ipfs; then
    target=$(command -v ipfs)
elif command -v go >/dev/null; then
    echo "kubo: building $version with $(go env GOVERSION)" >&2
    mkdir -p .tools/kubo
    (cd scripts/kubo && GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false \
        -o "$target.part" github.com/ipfs/kubo/cmd/ipfs) >&2
    mv "$target.part" "$target"
else
    echo "kubo: neither ipfs $version nor Go is on PATH; install Go 1.26 (go.dev/dl)" >&2
    exit 1
fi
echo "$target"
