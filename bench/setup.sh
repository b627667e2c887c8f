#!/usr/bin/env bash
# setup.sh [programs|pairs] - installs the allocators that the benchmark compares mema with, and the whole programs that it runs or valgrind,
# where this is a Debian and they are not there. Says first what that is, and goes on without what it cannot get: the benchmark
# leaves out those rows.

has() {
  command -v "$1" >/dev/null 2>&1
}

# The library as the loader would find it, or as a file.
missing() { # PACKAGE LIBRARY…
  local package=$1 library
  shift
  for library in "$@"; do
    [ -e "$library" ] && return
    "$ldconfig" -p 2>/dev/null | grep -q "[[:space:]]$library " && return
  done
  echo "$package"
}

# A compiler's runtime is that of one version; any will do.
scudoPackage() {
  local version=14
  has clang && version=$(clang -dumpversion | cut -d. -f1)
  missing "libclang-rt-$version-dev" /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-"$(uname -m)".so
}

missingPeers() {
  missing libmimalloc2.0 libmimalloc.so.2
  missing libjemalloc2 libjemalloc.so.2
  missing libtcmalloc-minimal4 libtcmalloc_minimal.so.4
  missing libtbbmalloc2 libtbbmalloc.so.2
  missing libtalloc2 libtalloc.so.2
  missing libapr1 libapr-1.so.0
  scudoPackage
}

missingPrograms() {
  has gcc || echo gcc
  has python3 || echo python3
  has sqlite3 || echo sqlite3
  has perl || echo perl
  has git || echo git
  has xz || echo xz-utils
  has sort || echo coreutils
  # Not the package redis-server, which would start one: the program itself is in this one, under another name.
  has redis-benchmark || echo redis-tools
  # The launcher is linked statically.
  [ -n "$(find /usr/lib /usr/lib64 -name libc.a 2>/dev/null | head -1)" ] || echo libc6-dev
}

missingPackages() {
  missingPeers
  [ "$pairs" = 0 ] || has valgrind || echo valgrind
  [ "$programs" = 0 ] || missingPrograms
}

# One by one where all at once fails: a name that this release does not have must not keep out the others.
install() {
  local root=() package
  if [ "$(id -u)" -ne 0 ]; then
    has sudo && sudo -n true 2>/dev/null || return 1
    root=(sudo -n)
  fi
  has apt-get || return 1
  "${root[@]}" apt-get update -q >/dev/null 2>&1
  export DEBIAN_FRONTEND=noninteractive
  "${root[@]}" apt-get install -q -y --no-install-recommends "$@" >/dev/null 2>&1 && return
  for package in "$@"; do
    "${root[@]}" apt-get install -q -y --no-install-recommends "$package" >/dev/null 2>&1
  done
}

case " $* " in *' programs '*) programs=1 ;; *) programs=0 ;; esac
case " $* " in *' pairs '*) pairs=1 ;; *) pairs=0 ;; esac
ldconfig=$(PATH=$PATH:/sbin:/usr/sbin command -v ldconfig || echo ldconfig)
mapfile -t wanted < <(missingPackages)
[ ${#wanted[@]} -gt 0 ] || exit 0
echo "bench: installing ${wanted[*]}"
install "${wanted[@]}"
mapfile -t wanted < <(missingPackages)
[ ${#wanted[@]} -eq 0 ] || echo "bench: still missing: ${wanted[*]}; measured without"
