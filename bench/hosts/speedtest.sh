#!/usr/bin/env bash
# speedtest1, SQLite's own benchmark, for speedtest.c. No Debian package has it, so it is taken from Debian's source package of SQLite (8 MB).
# This fetches that, and keeps the one file. Does nothing where the file is there.
#
#   bash bench/hosts/speedtest.sh DIRECTORY     puts speedtest1.c there
set -eu
to=$(realpath -m "$1")
[ ! -f "$to/speedtest1.c" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$to"
bash "$(dirname "$0")/../../tests/support/debianSource.sh" sqlite3 "$work" --tar-only
cd "$work"
tar -x --strip-components=2 -C "$to" --wildcards -f sqlite3_[0-9.]*.orig.tar.* '*/test/speedtest1.c'
