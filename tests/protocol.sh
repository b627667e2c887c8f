#!/usr/bin/env bash
# The protocol of shared pools, in models that Spin explores to the last state (protocol/README.md). The head of a model says with which macros it
# is checked ("check: MACRO…"), and which mutants Spin must find fault with, and of what kind ("mutant: MACRO… NAME KIND").
. "$(dirname "$0")/checks.sh"
models=$PWD/tests/protocol
export scratch models

if ! command -v spin >/dev/null || ! command -v gcc >/dev/null; then
  skip 'the models of the protocol' 'spin or gcc is missing'
  finish
fi

# The output of pan goes to a file. `provided` and `unless` do not go with Spin's leaving out of equivalent interleavings.
explore() { # NUMBER KIND MODEL EXPECTED MACRO…
  local directory=$scratch/$1 optimisation=-O2 model=$3.pml flags=(-w -DSAFETY -DMEMLIM=1000)
  [ "$2" = check ] || optimisation=-O0
  shift 4
  mkdir "$directory" && cd "$directory" && cp "$models/$model" . || return
  if grep -qE ' provided \(|\} unless \{' "$model"; then flags+=(-DNOREDUCE); fi
  {
    spin "${@/#/-D}" -a "$model" && gcc $optimisation "${flags[@]}" -o pan pan.c && ./pan -m20000
    echo "status $?"
  } >output 2>&1
  rm -f pan pan.?
}
export -f explore

# No error anywhere, nothing left out, and every statement reached: no assertion holds because no process reaches it. A process that serves for ever has no end.
sound() { # NUMBER EXPECTED
  local output=$scratch/$1/output
  grep -E 'rror|max search depth|memory limit|completed|states, stored|status' "$output"
  grep -q 'errors: 0$' "$output" && grep -q '^status 0$' "$output" && grep -q '^Full statespace search' "$output" &&
    ! grep -qE 'max search depth too small|memory limit|out of memory|not completed' "$output" || return
  [ "$2" = partly ] || ! grep -E '\.pml:[0-9]+, state [0-9]+, "' "$output" | grep -v '"-end-"'
}

# An error, and of the kind that was meant.
found() { # NUMBER KIND
  local output=$scratch/$1/output kind='no such kind'
  [ "$2" = assertion ] && kind='assertion violated'
  [ "$2" = deadlock ] && kind='invalid end state'
  grep -E 'rror|pan:|status' "$output"
  grep -q 'errors: 1$' "$output" && grep -q "^pan:1: $kind" "$output"
}

mutants="s/^ \* mutant: (.* )?([A-Z_]+) ([a-z]+)\$/"

# Each mutant in the text of the model is on its list, and the other way round; there are some.
listed() { # MODEL
  sed -nE "$mutants\2/p" "$models/$1.pml" | sort -u >"$scratch/listed"
  grep -oE 'MUTANT_[A-Z_]+' "$models/$1.pml" | sed 's/MUTANT_//' | sort -u | diff - "$scratch/listed" && [ -s "$scratch/listed" ]
}

# All runs, a line each: number, kind, model, expectation, macros.
for file in "$models"/*.pml; do
  model=$(basename "$file" .pml)
  sed -nE "s/^ \* check: partly/check $model partly/p; t; s/^ \* check:/check $model fully/p; t; ${mutants}mutant $model \3 \1MUTANT_\2/p" "$file"
done | nl -w1 -s' ' >"$scratch/runs"

nameOf() { # KIND MODEL MACRO…
  local verb=fails
  [ "$1" != check ] || verb=holds
  echo "$2.pml $verb (${*:3})"
}

while read -r number kind model expected macros; do
  # xargs takes a line with a blank at its end and the next line for one.
  # shellcheck disable=SC2086 # macros are words
  if isAsked "$(nameOf "$kind" "$model" $macros)"; then echo "$number $kind $model $expected${macros:+ $macros}"; fi
done <"$scratch/runs" >"$scratch/asked"
xargs -P "${JOBS:-$(nproc)}" -L 1 bash -c 'explore "$@"' _ <"$scratch/asked"

for file in "$models"/*.pml; do check "the list of mutants of $(basename "$file")" listed "$(basename "$file" .pml)"; done
while read -r number kind model expected macros; do
  judgement=found
  [ "$kind" != check ] || judgement=sound
  # shellcheck disable=SC2086 # macros are words
  check "$(nameOf "$kind" "$model" $macros)" $judgement "$number" "$expected"
done <"$scratch/runs"
finish
