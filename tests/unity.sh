#!/usr/bin/env bash
# Unity, the test framework, for tests/expectations.sh. Debian has no package of it, but the sources of its package cjson have a copy in
# tests/unity/. This fetches them, and unpacks the copy into a directory.
#
#   bash tests/unity.sh DIRECTORY     puts src/unity.c and src/unity.h there, and what they include
set -eu
to=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$to"
bash "$(dirname "$0")/support/debianSource.sh" cjson "$work"
cd "$work"
tar -x --strip-components=3 -C "$to" --wildcards -f cjson_*.orig.tar.* '*/tests/unity/src/*' '*/tests/unity/examples/*.h'
ls "$to/src/unity.c" "$to/src/unity.h" >&2
