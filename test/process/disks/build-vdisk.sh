#!/usr/bin/env bash
# Builds the disk of vdisk.c: build-vdisk.sh OUTPUT. Needs a C compiler and libfuse3-dev (install-tools.sh).
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck disable=SC2046
"${CC:-cc}" -O2 -Wall -Wextra -Werror -o "$1" vdisk.c $(pkg-config --cflags --libs fuse3)
