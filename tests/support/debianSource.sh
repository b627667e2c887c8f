#!/usr/bin/env bash
# Fetches the source package of a Debian package into a directory, as apt does, with lists of its own beside those of the system.
#
#   bash tests/support/debianSource.sh PACKAGE DIRECTORY [OPTION of apt-get source]
set -eu
package=$1 to=$(realpath -m "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$to" "$work"/{lists,archives}/partial
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
# shellcheck disable=SC2016 # apt-get expands it
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | head -1)
[ -n "$mirror" ] || { echo "apt has no list of Debian's packages: apt-get update makes it" >&2; exit 1; }
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/list"
apt=(apt-get -q -o Dir::Etc::SourceList="$work/list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists"
  -o Dir::Cache::Archives="$work/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
cd "$to"
"${apt[@]}" update >&2
"${apt[@]}" source --download-only "${@:3}" "$package" >&2
