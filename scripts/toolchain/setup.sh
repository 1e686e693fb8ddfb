#!/usr/bin/env bash
# Makes .venv, node_modules and .tools from the lock files. Needs Python 3.11, Node 20 and make.
# Each part leaves a stamp of what it was made from and is skipped while that holds.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 /usr/bin/python3.11 /usr/local/bin/python3.11 \
        /opt/homebrew/bin/python3.11 python3; do
        [ -n "$candidate" ] || continue
        # A version manager's shim may exist and still have no 3.11 behind it: ask it.
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' \
            >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 with venv was not found; set PYTHON=/path/to/python3.11"
}

node_major() { node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

# stamp_of FILE...: what a part was made from
stamp_of() { cat "$@" | cksum; }

current() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# uv shall trust and ask whom pip and the system trust and ask.
installer_settings() {
    export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS-true}
    local index
    index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
    [ -z "$index" ] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX-$index}
}

environment() {
    # A virtual environment knows its own place: after a move it is made anew.
    current .venv/.place "$here" && return
    local python
    python=$(find_python)
    say "Python environment in .venv ($("$python" --version), $python)"
    "$python" -m venv --clear .venv
    say "installer from requirements/uv.txt, checked against its hashes"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        -r requirements/uv.txt
    printf '%s\n' "$here" >.venv/.place
}

python_packages() {
    local stamp
    stamp=$(stamp_of requirements/dev.txt .venv/.place scripts/toolchain/setup.sh)
    current .venv/.stamp "$stamp" && return
    say "$(grep -c '^[a-zA-Z]' requirements/dev.txt) Python packages from requirements/dev.txt, checked against their hashes"
    installer_settings
    .venv/bin/uv pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes \
        requirements/dev.txt
    printf '%s\n' "$stamp" >.venv/.stamp
}

node_packages() {
    local stamp
    stamp=$(stamp_of package-lock.json)
    current node_modules/.stamp "$stamp" && return
    [ "$(node_major)" -ge 20 ] || fail "Node 20 or newer was not found"
    say "compiler, chain and libraries in node_modules from package-lock.json"
    npm ci --loglevel=error --no-audit --no-fund --ignore-scripts
    printf '%s\n' "$stamp" >node_modules/.stamp
}

tools() {
    local stamp sources
    sources=(pyproject.toml scripts/toolchain/*)
    stamp=$(stamp_of "${sources[@]}" .venv/.stamp node_modules/.stamp)
    current .tools/.stamp "$stamp" && return
    say "solc, anvil, forge and cast in .tools; handfast itself, editable, in .venv"
    rm -rf .tools/bin .tools/solc-*
    mkdir -p .tools/bin
    # Tools ask for the version dozens of times; answering takes the compiler half a second.
    scripts/toolchain/solc.js --version >.tools/solc-version
    ln -s ../scripts/toolchain/solc.sh .tools/solc-v0.8.30
    ln -s ../solc-v0.8.30 .tools/bin/solc
    local tool binary
    for tool in anvil forge cast; do
        binary=$(echo node_modules/@foundry-rs/$tool-*/bin/$tool)
        if [ -x "$binary" ]; then
            ln -s "../../$binary" ".tools/bin/$tool"
        elif ! command -v $tool >/dev/null; then
            fail "$tool comes from npm for Linux on x86-64 only; install Foundry 1.7 and try again"
        fi
    done
    local site
    site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    cp scripts/toolchain/handfast_toolchain.py "$site/"
    echo 'import handfast_toolchain' >"$site/handfast_toolchain.pth"
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
        --offline --editable .
    printf '%s\n' "$stamp" >.tools/.stamp
}

# Every process of a town or a test imports all of it, also where Python is told to write no caches.
bytecode() { .venv/bin/python -m compileall -q handfast; }

environment
python_packages
node_packages
tools
bytecode
say "ready"
