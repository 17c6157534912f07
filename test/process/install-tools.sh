#!/usr/bin/env bash
# Installs what the tests in this folder use besides Node, on Debian and its kin, as root:
# strace (makes system calls fail), prlimit and mount (util-linux), mkfs.ext4 (e2fsprogs).
# Without these tools the tests that need them are skipped, and say why.
set -euo pipefail
missing=()
command -v strace >/dev/null || missing+=(strace)
command -v prlimit >/dev/null || missing+=(util-linux)
command -v mount >/dev/null || missing+=(mount)
command -v mkfs.ext4 >/dev/null || missing+=(e2fsprogs)
[ ${#missing[@]} -eq 0 ] && exit 0
[ "$(id -u)" -eq 0 ] || { echo "install as root: ${missing[*]}" >&2; exit 1; }
command -v apt-get >/dev/null || { echo "no apt-get here; install by hand: ${missing[*]}" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
