#!/usr/bin/env bash
# No call takes time that grows more than logarithmically with what there are many of: pools, shared pools that a thread uses or once used, slabs
# outside, sub-pools, marks, clean-ups, threads, threads that end, mappings. Counted in instructions, the C library's included, and in locks taken, at N, 4 N and 16 N.
#
# A logarithm grows by the same from N to 4 N and from 4 N to 16 N; a line grows four times as much. So the second growth may be at most twice the
# first, beyond what varies: 40 instructions, and a tenth (one path in a tree is longer than another).
. "$(dirname "$0")/checks.sh"
program=$BUILD/tests/programs/growth

# Lines "CASE COUNT INSTRUCTIONS".
measureCases() {
  valgrind --tool=callgrind --callgrind-out-file="$scratch/parts" --combine-dumps=yes --collect-atstart=no --toggle-collect=measured \
    --dump-after=measured "$program" >"$scratch/cases" 2>"$scratch/errors" || { tail -3 "$scratch/errors"; false; } || return
  awk 'FNR == NR { name[++count] = $1 " " $2; operations[count] = $3; next } /^part: / { part = $2 } /^(totals|summary): / { total[part] = $2 }
    END { for (i = 1; i <= count; i++) print name[i], total[i] / operations[i] }' "$scratch/cases" "$scratch/parts" >"$scratch/figures"
}

wholeRun() { # COMMAND…: the instructions of a process
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --max-threads=600 --trace-children=yes "$@" 2>&1 | awk '/Collected/ {last = $4} END {print last}'
}

growsLittle() { # AT_N AT_4N AT_16N
  echo "$1, $2 and $3 instructions"
  awk -v a="$1" -v b="$2" -v c="$3" 'BEGIN { exit !(a > 0 && b > 0 && c > 0 && c - b <= 2 * (b > a ? b - a : 0) + 40 + c / 10) }'
}

caseGrowsLittle() { # CASE
  # shellcheck disable=SC2046 # three numbers
  growsLittle $(awk -v name="$1" '$1 == name { print $3 }' "$scratch/figures")
}

# For each thread or mapping: from N to 4 N, and from 4 N to 16 N.
eachGrowsLittle() { # COUNT COMMAND…
  local count=$1 few some many
  few=$(wholeRun "${@:2}" "$count") some=$(wholeRun "${@:2}" $((4 * count))) many=$(wholeRun "${@:2}" $((16 * count)))
  local first=$(((some - few) / (3 * count))) second=$(((many - some) / (12 * count)))
  echo "$first instructions each up to $((4 * count)), $second up to $((16 * count))"
  [ "$first" -gt 0 ] && [ "$second" -le $((first + first / 4)) ]
}

# How often the threads of a process take a pool's lock: it goes from thread to thread so many times at most.
locksTaken() { # COMMAND…
  valgrind --tool=callgrind --callgrind-out-file="$scratch/calls" --max-threads=600 "$@" >/dev/null 2>&1 || return
  awk '
    function named(line,  id) { # a name is written out once: "fn=(12) name", then "fn=(12)"
      match(line, /\([0-9]+\)/)
      id = substr(line, RSTART, RLENGTH)
      if (length(line) > RSTART + RLENGTH) name[id] = substr(line, RSTART + RLENGTH + 1)
      return name[id]
    }
    /^fn=/ { named($0) }
    /^cfn=/ { callee = named($0) }
    /^calls=/ && callee ~ /^mema_(take|try)Lock/ { split($1, count, "="); total += count[2] }
    END { print total + 0 }' "$scratch/calls"
}

locksGrowLittle() { # COUNT COMMAND…
  local count=$1 few some many
  few=$(locksTaken "${@:2}" "$count") some=$(locksTaken "${@:2}" $((4 * count))) many=$(locksTaken "${@:2}" $((16 * count)))
  echo "$few, $some and $many locks taken by $count, $((4 * count)) and $((16 * count)) threads"
  [ "$few" -gt "$count" ] && [ $((many - some)) -le $((4 * (some - few) + 12 * count / 2)) ]
}

if ! command -v valgrind >/dev/null; then
  skip 'the growth of calls' 'valgrind is missing'
  finish
fi
need 'the cases' measureCases
for name in $(cut -d' ' -f1 "$scratch/cases" | uniq); do check "$name" caseGrowsLittle "$name"; done
check 'threads that end' eachGrowsLittle 16 "$program" threadsEnd
check 'the lock, by threads that end' locksGrowLittle 16 "$program" threadsEnd
check 'the lock, by threads that work' locksGrowLittle 16 "$program" threadsWork
check 'mappings of a program' eachGrowsLittle 64 env LD_PRELOAD="$BUILD/libmema-preload.so" "$program" mappings
finish
