#!/usr/bin/env bash
# Writes what is made from the tables of the program mema and from mema.h: the manual pages, the completions of shells and the pages of
# reference. `make reference` writes them into the repository; tests/reference.sh compares.
set -eu
mema=$1
out=$2
mkdir -p "$out/docs/man" "$out/docs/reference" "$out/packaging/completions"

commands=$(COLUMNS=150 "$mema" --help | awk '/^Commands:/ {inside = 1; next} /^$/ {inside = 0} inside {print $1}')
"$mema" help --man >"$out/docs/man/mema.1"
for command in $commands; do "$mema" help --man "$command" >"$out/docs/man/mema-$command.1"; done

"$mema" help --completion=bash >"$out/packaging/completions/mema.bash"
"$mema" help --completion=zsh >"$out/packaging/completions/_mema"
"$mema" help --completion=fish >"$out/packaging/completions/mema.fish"

day=$(sed -n 's/^#define MANUAL_DATE "\(.*\)"$/\1/p' cli/manual.h)
helps=$(mktemp -d)
trap 'rm -rf "$helps"' EXIT
COLUMNS=1000 "$mema" --help >"$helps/10"
number=11
for command in $commands; do
  COLUMNS=1000 "$mema" help "$command" >"$helps/$number"
  number=$((number + 1))
done
python3 docs/reference.py include/mema.h "$out" "$day" "$helps"/*
