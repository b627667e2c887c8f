#!/usr/bin/env bash
# speedtest1, SQLite's own benchmark, for speedtest.c. No Debian package has it, so it is taken from Debian's source package of SQLite (8 MB).
# This fetches that as apt does, with lists of its own beside those of the system, and keeps the one file. Does nothing where the file is there.
#
#   bash bench/hosts/speedtest.sh DIRECTORY     puts speedtest1.c there
set -eu
to=$(realpath -m "$1")
[ ! -f "$to/speedtest1.c" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$to" "$work"/{lists,archives}/partial
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
# shellcheck disable=SC2016 # apt-get expands it
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | head -1)
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} $suite main" >"$work/list"
apt=(apt-get -q -o Dir::Etc::SourceList="$work/list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists"
  -o Dir::Cache::Archives="$work/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
cd "$work"
"${apt[@]}" update >&2
"${apt[@]}" source --download-only --tar-only sqlite3 >&2
tar -x --strip-components=2 -C "$to" --wildcards -f sqlite3_[0-9.]*.orig.tar.* '*/test/speedtest1.c'
