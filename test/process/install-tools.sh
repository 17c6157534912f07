#!/usr/bin/env bash
# Installs what the tests in this folder use besides Node, on Debian and its kin, as root:
# strace (makes system calls fail), prlimit, mount and nsenter (util-linux), mkfs.ext4 (e2fsprogs), mkfs.xfs (xfsprogs),
# fusermount3 and the headers of libfuse (fuse3, libfuse3-dev, pkg-config), ip (iproute2), nft (nftables).
# Without these tools the tests that need them are skipped, and say why.
set -euo pipefail
missing=()
command -v strace >/dev/null || missing+=(strace)
command -v prlimit >/dev/null && command -v nsenter >/dev/null || missing+=(util-linux)
command -v mount >/dev/null || missing+=(mount)
command -v mkfs.ext4 >/dev/null || missing+=(e2fsprogs)
command -v mkfs.xfs >/dev/null || missing+=(xfsprogs)
command -v fusermount3 >/dev/null || missing+=(fuse3)
command -v pkg-config >/dev/null || missing+=(pkg-config)
pkg-config --exists fuse3 2>/dev/null || missing+=(libfuse3-dev)
command -v ip >/dev/null || missing+=(iproute2)
command -v nft >/dev/null || missing+=(nftables)
[ ${#missing[@]} -eq 0 ] && exit 0
[ "$(id -u)" -eq 0 ] || { echo "install as root: ${missing[*]}" >&2; exit 1; }
command -v apt-get >/dev/null || { echo "no apt-get here; install by hand: ${missing[*]}" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
