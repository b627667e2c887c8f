#!/usr/bin/env bash
# counted.sh PROGRAM… - the instructions of each work of a benchmark in this directory (paired.h), counted by callgrind: the figures of a busy
# machine and a quiet one are equal. Prints Markdown tables as the benchmark does, with millions of instructions in place of the time.
# System calls and page faults are no instructions: they are in the times alone.
command -v valgrind >/dev/null || { echo 'counted.sh: valgrind is not installed' >&2; exit 1; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# A program that starts processes of its own for the work counts with all of them.
instructions() { # PROGRAM WORK CONTENDER
  valgrind --tool=callgrind --callgrind-out-file="$scratch/out.%p" "$1" --once "$2" "$3" 2>"$scratch/said" >/dev/null ||
    { tail -n 3 "$scratch/said" >&2; return 1; }
  rm -f "$scratch"/out.*
  awk '/refs:/ { gsub(",", "", $NF); sum += $NF } END { print sum }' "$scratch/said"
}

programs=()
for program in "$@"; do programs+=("$(realpath "$program")"); done
cd "$scratch" || exit
for program in "${programs[@]}"; do
  "$program" --list >"$scratch/names" || exit
  mapfile -t works < <(awk -F '\t' '$1 == "work" { print $3 }' "$scratch/names")
  mapfile -t contenders < <(awk -F '\t' '$1 == "contender" { print $3 }' "$scratch/names")
  printf '| instructions of'
  printf ' | %s' "${contenders[@]}"
  printf ' |\n|---|'
  printf -- '---|%.0s' "${contenders[@]}"
  for work in "${!works[@]}"; do
    printf '\n| %s |' "${works[work]}"
    first=
    for contender in "${!contenders[@]}"; do
      count=$(instructions "$program" "$work" "$contender") || exit
      if [ -z "$first" ]; then
        first=$count
        printf ' %d M |' $((count / 1000000))
      else
        awk -v a="$count" -v b="$first" 'BEGIN { printf " %.3f |", a / b }'
      fi
    done
  done
  echo
done
