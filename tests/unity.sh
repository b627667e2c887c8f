#!/usr/bin/env bash
# Unity, the test framework, for tests/expectations.sh. Debian has no package of it, but the sources of its package cjson have a copy in
# tests/unity/. This fetches them as apt does, with lists of its own beside those of the system, and unpacks the copy into a directory.
#
#   bash tests/unity.sh DIRECTORY     puts src/unity.c and src/unity.h there, and what they include
set -eu
to=$(realpath -m "$1")
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
"${apt[@]}" source --download-only cjson >&2
tar -x --strip-components=3 -C "$to" --wildcards -f cjson_*.orig.tar.* '*/tests/unity/src/*' '*/tests/unity/examples/*.h'
ls "$to/src/unity.c" "$to/src/unity.h" >&2
