# traces.sh - parts that record.sh and replay.sh share. To be sourced; wants BUILD and CC.
. tests/cli/commands.sh
# Files that a failing test leaves behind are removed with the rest.
TMPDIR=$scratch
export TMPDIR
dump=$BUILD/tests/traces/dump
recorded=$scratch/recorded
trace=$scratch/t.mema
mkdir "$recorded"

# -fno-builtin: the compiler removes pairs of malloc and free that it understands.
for source in tests/recorded/*.c; do
  $CC -std=gnu11 -O2 -g -w -fno-builtin -o "$recorded/$(basename "$source" .c)" "$source" -pthread ||
    notOk "$source" 'does not compile'
done

# record COMMAND...: into $trace, which is new; its sums are in $scratch/sums.
record() {
  rm -f "$trace"
  run record -o "$trace" -- "$@"
  "$dump" -s "$trace" >"$scratch/sums" 2>&1
}

# sum NAME KEY EXPECTED [PROCESS]: the number behind KEY in the sums of the Nth process.
sum() {
  same "$1" "$3" "$(sed -n "${4:-1}s/.* $2 \([0-9]*\).*/\1/p" "$scratch/sums")"
}
