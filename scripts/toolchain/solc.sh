#!/bin/sh
# The compiler as tools find it: the version as `make setup` noted it, all else from solc.js.
here=$(dirname "$(readlink -f "$0")")
case " $* " in
*" --version "*) exec cat "$here/../../.tools/solc-version" ;;
*) exec node "$here/solc.js" "$@" ;;
esac
