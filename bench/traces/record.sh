#!/bin/sh
# record.sh - makes the traces in this folder again: record.sh [FOLDER] puts them elsewhere. Needs gcc, sqlite3, python3, perl,
# and a mema with zstd in BUILD (default: build). What they are is in docs/traces.md.
cd "$(dirname "$0")/../.." || exit 1
folder=${1:-bench/traces}
mema=${BUILD:-build}/mema
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The environment is equal for everyone: no settings, no caches, no order of hashes that differs from run to run.
LC_ALL=C HOME=$scratch PYTHONMALLOC=malloc PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0
export LC_ALL HOME PYTHONMALLOC PYTHONHASHSEED PYTHONDONTWRITEBYTECODE PERL_HASH_SEED PERL_PERTURB_KEYS

# record NAME COMMAND...
record() {
  name=$1
  shift
  "$mema" record -o "$scratch/$name.mema" -- "$@" >"$scratch/out" && mv "$scratch/$name.mema" "$folder/" || exit
}

record gcc gcc -O2 -Iinclude -c src/heap/slab/slab.c -o "$scratch/slab.o"
record sqlite3 sqlite3 :memory: '.read bench/traces/work.sql'
record python3 /usr/bin/python3 bench/traces/work.py
record perl perl bench/traces/work.pl
