#!/usr/bin/env bash
# Builds the Kubo that the storage tests compare with, from scripts/kubo/go.sum, into .tools/kubo,
# and prints the path of the binary. An `ipfs` of that version on PATH is taken instead.
# The first build takes about two minutes. Exits with 3 if there is neither that nor Go 1.26.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(awk '$1 == "require" && $2 ~ /kubo$/ {print substr($3, 2)}' scripts/kubo/go.mod)
target=$PWD/.tools/kubo/ipfs-$version

is_kubo() { [ "$("$1" version --number 2>/dev/null)" = "$version" ]; }

go_is_new_enough() {
    local found
    found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    printf 'go1.26\n%s\n' "$found" | sort --check=quiet --version-sort
}

if [ -x "$target" ]; then
    :
elif is_kubo ipfs; then
    target=$(command -v ipfs)
elif go_is_new_enough; then
    echo "kubo: building $version" >&2
    mkdir -p .tools/kubo
    (cd scripts/kubo && GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false \
        -o "$target.part" github.com/ipfs/kubo/cmd/ipfs) >&2
    mv "$target.part" "$target"
else
    echo "kubo: needs Go 1.26 (go.dev/dl), or ipfs $version on PATH" >&2
    exit 3
fi
echo "$target"
