#!/bin/sh
# total.sh - the tests of `mema run --total`: what processes get together, to the page; forks, ends of every kind, exec; what goes back.
# BUILD is the directory of the products (default: build), CC the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/commands.sh
sharing=$scratch/sharing
$CC -std=gnu11 -O1 -fno-builtin -pthread -o "$sharing" tests/cli/sharing.c || exit 1

# shares NAME EXPECTED OPTIONS MODE...: what the program prints. Its report is in $scratch/report.
shares() {
  name=$1
  expected=$2
  options=$3
  shift 3
  run run --total 4M --report "$scratch/report" $options -- "$sharing" "$@"
  same "$name" "0 $expected" "$status $(cat "$scratch/out")"
}

# within NAME LEAST MOST NUMBER
within() {
  if [ -n "$off" ] || { [ "$4" -ge "$2" ] && [ "$4" -le "$3" ]; }; then ok "$1"; else notOk "$1" "$4 is not in $2..$3"; fi
}

# total KEY: a figure of the total in the report.
total() {
  sed -n 's/.* "total": {.*"'"$1"'": \([0-9]*\).*/\1/p' "$scratch/report"
}

# ---- what processes get together -----------------------------------------------------------------------------------------
section crowds

# The first process keeps a batch of 64 KiB, and the pieces of 1 KiB are to be granted to the last one that fits.
for crowd in 1 2 3 10; do
  run run --total 4M --report "$scratch/report" -- "$sharing" crowd $crowd 1
  within "$crowd processes: they get the total, less a batch and a page each" $((4096 - 64 - 8 * crowd - 4)) 4096 "$(cat "$scratch/out")"
  within "$crowd processes: no more was leased at any time" 4100000 4194304 "$(total peakBytes)"
  same "$crowd processes: each was refused" "$crowd" "$(total refused)"
done
shares 'large pieces: those that fit' 4000 '' crowd 3 1000
has 'a refusal by the total is none of the budget' '"refused": 1, "overBudget": 0, .*"overTotal": 1}' "$scratch/report"
run run --total 4M -- "$sharing" crowd 3 1000
has 'the summary: the total' '^  total of all processes: peak [34]\.[0-9] MiB of 4\.0 MiB, refused 3 requests$' "$scratch/err"
has 'the summary: the process' '^    refused 1 request: the total of all processes was reached$' "$scratch/err"
shares 'a budget of each process below the total' 3264 '--pool 1100K' crowd 3 64
has 'a budget of each process below the total: refuses by itself' '"refused": 1, "overBudget": 1, .*"overTotal": 0}' "$scratch/report"
same 'a budget of each process below the total: the total refuses nothing' 0 "$(total refused)"
shares 'every way to ask for memory' '5 1' '' ways
shares 'threads: none is refused where there is room' 0 '' threads
run run --report "$scratch/report" -- "$sharing" peaks
peak=$(figure peakBytes <"$scratch/report")
run run --total 4M --report "$scratch/report" -- "$sharing" peaks
same 'the peak of a process is that without a total' "$peak" "$(sed -n 's/.*"command": "sharing".*"peakBytes": \([0-9]*\).*/\1/p' "$scratch/report")"
run run --report "$scratch/report" -- "$sharing" crowd 1 65536
same 'without --total: null' 1 "$(grep -c '^ "total": null,$' "$scratch/report")"
same 'without --total: nothing is said' 0 "$(grep -c 'total of all' "$scratch/err")"

# ---- lives ---------------------------------------------------------------------------------------------------------------
section lives

(ulimit -c 0; shares 'what a process had is there again, however it ended' all '' successors; echo "$failed" >"$scratch/failed")
failed=$(cat "$scratch/failed")
passed=$((passed + 1 - failed))
shares 'the copy of a fork counts at once' '40 1 1' '' copies
within 'the copy of a fork counts beyond the total' 4194305 6291456 "$(total peakBytes)"
shares 'what one process frees, another may have' '0 1 40' '' handOver
run run --total 4M --report "$scratch/report" -- sh -c 'i=0; while [ $i -lt 20 ]; do "$0" big || exit; i=$((i + 1)); done' "$sharing"
same 'programs one after another' 0 "$status"
run run --total 64K -- sh -c 'exit 4'
same 'a small total: programs begin' 4 "$status"
run run --total 4M -- "$mema" run -- "$sharing" big
same 'a run in a run' 0 "$status"

# ---- questions -----------------------------------------------------------------------------------------------------------
section totalQuestions

refuses '--total 0' 2 "^mema run: --total '0' is zero" run --total 0 -- true
refuses '--total x' 2 "^mema run: --total 'x' is not a size" run --total x -- true
refuses '--total and --reserve' 2 '^mema run: --reserve and --total exclude each other' run --pool 1M --reserve 1K --total 1M -- true
for python in python3 /usr/bin/python3 none; do
  "$python" -c 'from jsonschema import Draft202012Validator' 2>/dev/null && break
done
if [ "$python" = none ]; then
  skip 'the report fits the schema' 'python3-jsonschema is not there'
else
  run run --total 4M --report "$scratch/report" -- "$sharing" crowd 3 1000
  same 'the report fits the schema' ok "$(guard "$python" -W ignore tests/cli/checkReport.py --strict docs/report.schema.json "$scratch/report" total.size=4194304 total.refused=3 processes.1.overTotal=1 2>&1)"
fi

finish
