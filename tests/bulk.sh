#!/usr/bin/env bash
# P5: freeing a pool, or resetting it, takes time that grows with its spans, not with its chunks. Counted in instructions, which repeat.
. "$(dirname "$0")/checks.sh"

instructionsOf() { # FUNCTION CHUNKS UNTRACKED [SIZE]
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no --toggle-collect="$1" \
    "$BUILD/tests/programs/bulkFree" "$2" "$3" $4 2>&1 | awk '/Collected/ {print $4}'
}

# Ten times the chunks are ten times the spans, of a thousand slots each: less than an instruction for each chunk.
cheap() { # FUNCTION UNTRACKED
  local few many
  few=$(instructionsOf "$1" 10000 "$2") many=$(instructionsOf "$1" 100000 "$2")
  echo "$1: $few instructions for 10,000 chunks, $many for 100,000"
  [ "${few:-0}" -gt 0 ] && [ "$many" -gt 0 ] && [ $(((many - few) / 90000)) -lt 1 ]
}

# An arena of the same bytes, in chunks of 16 and of 1600: a hundred times the chunks, and the same instructions, but for a few.
sameForAll() { # FUNCTION UNTRACKED
  local few many
  few=$(instructionsOf "$1" 10000 "$2" 1600) many=$(instructionsOf "$1" 1000000 "$2" 16)
  echo "$1 of an arena: $few instructions for 10,000 chunks, $many for 1,000,000 of as many bytes"
  [ "${few:-0}" -gt 0 ] && [ "${many:-0}" -gt 0 ] && [ $((many - few)) -lt 100 ] && [ $((few - many)) -lt 100 ]
}

if ! command -v valgrind >/dev/null; then
  skip 'instructions of freePool and resetPool' 'valgrind is missing'
  finish
fi
for untracked in 0 1; do
  for function in mema_freePool mema_resetPool; do
    check "$function by the span (untracked: $untracked)" cheap $function $untracked
  done
  for function in mema_freePool mema_resetPool; do
    check "$function of an arena whatever its chunks (untracked: $untracked)" sameForAll $function $untracked
  done
done
finish
