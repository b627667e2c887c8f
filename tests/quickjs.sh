#!/usr/bin/env bash
# QuickJS, for tests/hosts/quickjs.c. Debian 12 has no package of it, but the npm package qjsc has the sources of QuickJS 2021-03-27. This
# fetches that package, runs nothing of it, and builds the library in a directory: half a minute. Does nothing where it is built.
#
#   bash tests/quickjs.sh DIRECTORY     puts quickjs.h and libquickjs.a there
set -eu
to=$(realpath -m "$1")
[ ! -f "$to/libquickjs.a" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent qjsc@0.3.0 >&2
tar -xzf qjsc-0.3.0.tgz
cd package/deps/quickjs_2021_03_27
for file in quickjs cutils libregexp libunicode libbf; do
  ${CC:-cc} -O1 -w -D_GNU_SOURCE -DCONFIG_VERSION='"2021-03-27"' -DCONFIG_BIGNUM -c "$file.c" -o "$file.o"
done
mkdir -p "$to"
ar rcs "$work/libquickjs.a" ./*.o
cp quickjs.h "$to" && mv "$work/libquickjs.a" "$to"
