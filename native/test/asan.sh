#!/usr/bin/env bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer, in a folder of its own, and runs its tests with
# that build; arguments go to vitest. Leak detection is off: V8 does not free at exit. Needs g++ and libasan; without them
# it says so and ends with status 2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD

fail() {
  echo "asan: $1" >&2
  exit 2
}

command -v g++ >/dev/null || fail 'g++ is missing; on Debian: apt-get install g++'
library=$(g++ -print-file-name=libasan.so)
[[ $library == /* ]] || fail 'libasan is missing; on Debian it comes with g++ (libgcc-*-dev and libasan8)'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r package.json binding.gyp native "$work/"
ln -s "$root/node_modules" "$work/node_modules"

# vptr checks need type information, which Node's own flags leave out.
flags='-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1'
echo 'asan: building the addon'
CXX=g++ CXXFLAGS=$flags LDFLAGS='-fsanitize=address,undefined' node "$work/native/install.mjs"
[[ -f $work/build/Release/cairn.node ]] || fail "the addon was not built: $(tail -n 20 "$work/build/install.log")"
grep -q __asan_init "$work/build/Release/cairn.node" || fail 'the build has no AddressSanitizer in it'

echo 'asan: running test/native and test/sequencer'
# node-gyp-build looks for the addon where CAIRNDB_PREBUILD says. The tests of the install script start compilers: not here.
CAIRNDB_PREBUILD=$work CAIRN_DISK='' LD_PRELOAD=$library \
  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
  node node_modules/vitest/vitest.mjs run "$@" --exclude test/native/install.test.ts test/native test/sequencer
echo 'asan: nothing found'
