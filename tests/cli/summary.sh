#!/bin/sh
# summary.sh - the tests of the summary that `mema run` prints when the program has ended: figures that are known, in terminals of any width.
# BUILD is the directory of the products (default: build), CC the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/preload/harness.sh
mema=$BUILD/mema
fill=$scratch/fillTable
$CC -std=gnu11 -O1 -w -Iinclude -o "$fill" tests/cli/fillTable.c || exit 1

# summary COLUMNS OPTIONS WORD=VALUE...: the summary of a run whose table holds these processes. COLUMNS "" is not set. The program that
# fills the table has not got the library, which would write into it.
summary() {
  columns=$1
  options=$2
  shift 2
  [ -z "$columns" ] || export COLUMNS="$columns"
  guard "$mema" run --no-inherit $options -- sh -c 'table=$MEMA_TABLE; unset LD_PRELOAD; exec "$0" "$table" "$@"' "$fill" "$@" >"$scratch/out" 2>"$scratch/err"
  status=$?
  unset COLUMNS
}

# says NAME: the summary is the text on stdin.
says() {
  cat >"$scratch/expected"
  if diff "$scratch/expected" "$scratch/err" >"$scratch/diff"; then ok "$1"; else notOk "$1" "$(cat "$scratch/diff")"; fi
}

# fits NAME COLUMNS: no line is longer.
fits() {
  longest=$(awk '{ if (length($0) > most) most = length($0) } END { print most + 0 }' "$scratch/err")
  if [ "$longest" -gt 0 ] && [ "$longest" -le "$2" ]; then ok "$1"; else notOk "$1" "$longest columns: $(head -c 600 "$scratch/err")"; fi
}

# ---- one process ---------------------------------------------------------------------------------------------------------
section oneProcess

one='name=known pid=4207 poolSize=1048576 peakBytes=1048064 liveBytes=542925 liveChunks=9 allocations=1690 frees=766 footprint=1048576'
summary 80 '--pool 1M' $one
says 'one process' <<'T'
mema run: known (4207) in a pool of 1.0 MiB
  peak         1023.5 KiB   live at exit  530.2 KiB   footprint       1.0 MiB
  allocations        1690   frees               766   refused               0
  bad frees             0
T
all="$one footprint=4089446 refused=5 overBudget=3 badFrees=1 peakMapped=4194304 mappedBytes=3145728"
summary 80 '--pool 1M' $all
says 'one process, all remarks' <<'T'
mema run: known (4207) in a pool of 1.0 MiB
  peak         1023.5 KiB   live at exit  530.2 KiB   footprint       3.9 MiB
  allocations        1690   frees               766   refused               5
  bad frees             1   mapped peak     4.0 MiB   still mapped    3.0 MiB
  mapped: by mmap and sbrk; counted in peak and live at exit
  footprint: whole pages and records; only live bytes count in the budget
  refused 3 requests: the budget of 1.0 MiB was reached
  refused 2 requests for other reasons than the budget
  gave 1 bad pointer to free or realloc
T
summary 60 '--pool 1M' $all
says '60 columns: two figures a line' <<'T'
mema run: known (4207) in a pool of 1.0 MiB
  peak         1023.5 KiB   live at exit  530.2 KiB
  footprint       3.9 MiB   allocations        1690
  frees               766   refused               5
  bad frees             1   mapped peak     4.0 MiB
  still mapped    3.0 MiB
  mapped: by mmap and sbrk; counted in peak and live at exit
  footprint: whole pages and records; only live bytes count
    in the budget
  refused 3 requests: the budget of 1.0 MiB was reached
  refused 2 requests for other reasons than the budget
  gave 1 bad pointer to free or realloc
T
summary 20 '--pool 1M' $all
cp "$scratch/err" "$scratch/narrow"
says '20 columns: one figure a line' <<'T'
mema run: known
  (4207) in a pool
  of 1.0 MiB
peak      1023.5 KiB
live       530.2 KiB
footprint    3.9 MiB
allocs          1690
frees            766
refused            5
bad frees          1
map peak     4.0 MiB
mapped       3.0 MiB
  mapped: by mmap
    and sbrk;
    counted in peak
    and live at exit
  footprint: whole
    pages and
    records; only
    live bytes count
    in the budget
  refused 3
    requests: the
    budget of 1.0
    MiB was reached
  refused 2 requests
    for other
    reasons than the
    budget
  gave 1 bad pointer
    to free or
    realloc
T
for columns in 1 2 19; do
  summary $columns '--pool 1M' $all
  says "$columns columns: as for 20" <"$scratch/narrow"
done
summary 20 '' name=p pid=1 poolSize=none allocations=18446744073709551615
same '20 columns, a number of 20 digits: a line of its own' 'allocs 18446744073709551615' "$(grep -A 1 allocs "$scratch/err" | tr '\n' ' ' | sed 's/ $//')"
fits '20 columns, a number of 20 digits: fits' 20
summary 25 '--pool 1M' $one
same '25 columns: whole names' '  live at exit  530.2 KiB' "$(sed -n 4p "$scratch/err")"

summary 80 '--pool 1M' $one exact=0
has 'one process that was killed: at least' '^  peak and counts are at least these: the process was killed, or still runs$' "$scratch/err"
summary 80 '--pool 1M' name=first pid=1 exact=0 peakBytes=20 name=second pid=2 peakBytes=10
same 'many processes, one of which was killed: at least' 4 "$(sed -n '/^    peak and counts are at least these/=' "$scratch/err")"

# ---- the footprint -------------------------------------------------------------------------------------------------------
section footprint

summary 80 '--pool 1M' $one footprint=1048577
has 'a footprint of a byte above the budget: explained' '^  footprint: whole pages and records; only live bytes count in the budget$' "$scratch/err"
summary 80 '' $one poolSize=none footprint=1000000000
same 'a footprint without a budget: not explained' 0 "$(grep -c 'whole pages' "$scratch/err")"
guard "$mema" run --pool 64K -- sh -c : 2>"$scratch/err"
has 'a footprint of a real program: explained' 'footprint: whole pages and records' "$scratch/err"

# ---- many processes ------------------------------------------------------------------------------------------------------
section manyProcesses

many='name=small pid=11 ended=1 poolSize=16777216 peakBytes=100 liveBytes=50 footprint=2000 allocations=7 frees=6
  name=a-name-of-more-than-sixteen-characters pid=4194304 poolSize=16777216 peakBytes=16777216 liveBytes=1048064 footprint=20000000
  allocations=12345678901 frees=12345678900 refused=2 overBudget=2 badFrees=3
  name=mapper pid=12 poolSize=16777216 peakBytes=5000000 liveBytes=5000000 footprint=4096 peakMapped=4194304'
summary 120 '--pool 16M' $many
says 'many processes' <<'T'
mema run: 3 processes, each in a pool of 16.0 MiB; the biggest peaks first
  command              pid     peak live at exit footprint mapped peak allocations       frees refused bad frees
  a-name-of-more-t 4194304 16.0 MiB   1023.5 KiB  19.1 MiB         0 B 12345678901 12345678900       2         3
    refused 2 requests: the budget of 16.0 MiB was reached
    gave 3 bad pointers to free or realloc
  mapper                12  4.8 MiB      4.8 MiB   4.0 KiB     4.0 MiB           0           0       0         0
  small                 11    100 B         50 B   2.0 KiB         0 B           7           6       0         0
  footprint: whole pages and records; only live bytes count in the budget
T
summary 80 '--pool 16M' $many
says 'many processes, 80 columns' <<'T'
mema run: 3 processes, each in a pool of 16.0 MiB; the biggest peaks first
  command              pid     peak live at exit footprint mapped peak
  a-name-of-more-t 4194304 16.0 MiB   1023.5 KiB  19.1 MiB         0 B
    refused 2 requests: the budget of 16.0 MiB was reached
    gave 3 bad pointers to free or realloc
  mapper                12  4.8 MiB      4.8 MiB   4.0 KiB     4.0 MiB
  small                 11    100 B         50 B   2.0 KiB         0 B
  left out for the width of 80: allocations, frees
  footprint: whole pages and records; only live bytes count in the budget
T
summary 49 '--pool 16M' $many
says 'many processes, 49 columns: no footprint, and none explained' <<'T'
mema run: 3 processes, each in a pool of 16.0
  MiB; the biggest peaks first
  command              pid     peak live at exit
  a-name-of-more-t 4194304 16.0 MiB   1023.5 KiB
    refused 2 requests: the budget of 16.0 MiB
      was reached
    gave 3 bad pointers to free or realloc
  mapper                12  4.8 MiB      4.8 MiB
  small                 11    100 B         50 B
  left out for the width of 49: footprint, mapped
    peak, allocations, frees
T
summary 47 '--pool 16M' $many
same 'many processes, 47 columns: one after another' 'a-name-of-more-than-sixteen-characters
mapper (12)
small (11)' "$(grep -e '^a-name' -e '^[a-z]* ([0-9]*)$' "$scratch/err")"
same 'many processes, 47 columns: their figures' '  peak            16.0 MiB   peak            4.8 MiB   peak              100 B' \
  "$(grep '^  peak' "$scratch/err" | tr '\n' ' ' | sed 's/ $//')"
same 'each process is named once' '1 1 1' "$(for name in small a-name mapper; do grep -c "$name" "$scratch/err"; done | tr '\n' ' ' | sed 's/ $//')"
summary 80 '' name=p pid=7 poolSize=none peakBytes=5 times=8192 lost=3
same 'a full table: twenty rows' 20 "$(grep -c '^  p  ' "$scratch/err")"
same 'a full table: the first of those of the same peak' '7 26' "$(awk '$1 == "p" { print $2 }' "$scratch/err" | sed -n '1p;$p' | tr '\n' ' ' | sed 's/ $//')"
says_last() {
  same "$1" "$2" "$(tail -n 2 "$scratch/err")"
}
says_last 'a full table: what is not in it' '  ... and 8172 more
  and 3 more, which the table had no room for'
summary 80 '--report -' name=b pid=2 poolSize=none peakBytes=1 name=a pid=3 poolSize=none peakBytes=9
same 'the report keeps the order in which they began' 'b a' "$(sed -n 's/.*"command": "\([a-z]*\)".*/\1/p' "$scratch/err" | tr '\n' ' ' | sed 's/ $//')"
summary 80 "--report $scratch/r.json" name=b pid=2 poolSize=none peakBytes=1 name=a pid=3 poolSize=none peakBytes=9
same 'the report keeps it after a summary, too' 'b a' "$(sed -n 's/.*"command": "\([a-z]*\)".*/\1/p' "$scratch/r.json" | tr '\n' ' ' | sed 's/ $//')"
summary 40 '' lost=0
says 'none' <<'T'
mema run: no process reported its
  figures: none loaded the preload
  library
T

# ---- programs that could not be reached ----------------------------------------------------------------------------------
section unreached

summary 45 '' name=sh pid=5 poolSize=none unreached=a-name-of-thirty-two-characters- obstacle=4 unreached=b obstacle=5 unreached=b obstacle=5
same 'programs that could not be reached: each kind in its lines' 'mema run: 3 programs could not be reached:
  b (set-user-ID), 2 times
  a-name-of-thirty-two-characters- (static)' "$(grep -A 9 'not be reached' "$scratch/err")"
summary 40 '' name=sh pid=5 poolSize=none unreached=a-name-of-thirty-two-characters- obstacle=4
fits 'a program that could not be reached: fits' 40

# ---- names ---------------------------------------------------------------------------------------------------------------
section names

summary 80 '' "name=$(printf 'a\033[31mb\nc\302\233d\377')" pid=1 poolSize=none
same 'a name with control characters: harmless' 'mema run: a?[31mb?c?d? (1) in a pool without a limit' "$(head -n 1 "$scratch/err")"
summary 80 "--report $scratch/r.json" "name=$(printf 'a\033b')" pid=1 poolSize=none
has 'a name with control characters: whole in the report' '"command": "a\\u001bb"' "$scratch/r.json"
summary 80 '' name= pid=1 poolSize=none
has 'an empty name' '^mema run: \(no name\) \(1\) in ' "$scratch/err"
summary 80 '' name= pid=1 poolSize=none name=b pid=2 poolSize=none
has 'an empty name of many' '^  \(no name\)   1 ' "$scratch/err"
summary 80 '' "name=$(printf 'h\303\251%.0s' 1 2 3 4 5 6 7 8 9)" pid=1 poolSize=none name=b pid=2 poolSize=none
same 'a name of two bytes a letter is cut between letters' "$(printf 'h\303\251%.0s' 1 2 3 4 5 6 7 8)" "$(awk '$2 == 1 { print $1 }' "$scratch/err")"
same 'a name of two bytes a letter keeps the columns aligned' "$(printf '  %-16s   2' b)" "$(sed -n 's/ *0 B .*//p' "$scratch/err" | tail -n 1)"
long=$(printf '%0200d' 0 | tr 0 n)
echo 'int main(void) { return 0; }' | $CC -x c - -o "$scratch/$long"
COLUMNS=30 guard "$mema" run -- "$scratch/$long" 2>"$scratch/err"
same 'a name of 200 letters: the status' 0 $?
fits 'a name of 200 letters: fits' 30
has 'a name of 200 letters: its beginning' '^  n{28}$' "$scratch/err"

# ---- every width ---------------------------------------------------------------------------------------------------------
section widths

big=18446744073709551615
worst="pid=2147483647 poolSize=$big peakBytes=$big liveBytes=$big footprint=$big allocations=$big frees=$big refused=$big overBudget=5
  badFrees=$big peakMapped=$big mappedBytes=$big"
worst="$worst unreached=u obstacle=5 interpreters=1 unreached=$long pid=5 obstacle=1 unreached=$long obstacle=3 started=0 beyond=4000000000"
for width in $(seq 20 150); do
  summary "$width" '--pool 1M' name=ordinary pid=5 poolSize=1048576 peakBytes=5 name=$long $worst
  fits "$width columns: many" "$width"
done >"$scratch/fits"
same 'many processes fit into each width from 20 to 150' 131 "$(grep -c '^ok' "$scratch/fits")"
grep -v '^ok' "$scratch/fits" | head -n 3
for width in $(seq 20 150); do
  summary "$width" '--pool 1M' name=$long $worst
  fits "$width columns: one" "$width"
done >"$scratch/fits"
same 'one process fits into each width from 20 to 150' 131 "$(grep -c '^ok' "$scratch/fits")"
grep -v '^ok' "$scratch/fits" | head -n 3
summary 80 '--pool 1M' $all
cp "$scratch/err" "$scratch/usual"
for columns in '' 0 -5 80x garbage ' 20' 20.5 0x20; do
  summary "$columns" '--pool 1M' $all
  says "COLUMNS='$columns': as for 80" <"$scratch/usual"
done
COLUMNS= guard "$mema" run -- true 2>"$scratch/err"
same 'an empty COLUMNS: as for 80' 4 "$(wc -l <"$scratch/err")"
for columns in 1000 4294967316 99999999999999999999999; do
  summary $columns '--pool 1M' $all
  same "COLUMNS=$columns: wide" 9 "$(wc -l <"$scratch/err")"
done
if command -v script >/dev/null; then
  terminal() { # COLUMNS-OF-TERMINAL COMMAND: what comes out of a terminal
    script -qec "stty cols $1; $2" /dev/null </dev/null | tr -d '\r' >"$scratch/err"
  }
  terminal 40 "$mema run -- true"
  same 'a terminal of 40 columns: one figure a line' 9 "$(wc -l <"$scratch/err")"
  fits 'a terminal of 40 columns: fits' 40
  terminal 40 "COLUMNS=80 $mema run -- true"
  same 'COLUMNS before the terminal' 4 "$(wc -l <"$scratch/err")"
  terminal 0 "$mema run -- true"
  same 'a terminal of unknown width: as for 80' 4 "$(wc -l <"$scratch/err")"
else
  skip 'a terminal' 'there is no script(1)'
fi

# ---- how it ended --------------------------------------------------------------------------------------------------------
section ending

while read -r signal words; do
  number=$(kill -l "$signal" 2>/dev/null || env kill -l "$signal")
  (ulimit -c 0; guard "$mema" run -- sh -c "kill -$number \$\$" 2>"$scratch/err")
  same "SIG$signal: said" "  the command was ended by signal $number, $words" "$(sed -n 2p "$scratch/err")"
  (ulimit -c 0; guard "$mema" run -- sh -c "env true; kill -$number \$\$" 2>"$scratch/err")
  same "SIG$signal of many: said" "  the command was ended by signal $number, $words" "$(sed -n 2p "$scratch/err")"
done <<'SIGNALS'
SEGV segmentation fault
KILL killed
ABRT aborted
TERM terminated
HUP hangup
XCPU CPU time limit exceeded
POLL I/O possible
SIGNALS
guard "$mema" run --no-inherit -- sh -c 'unset LD_PRELOAD; exec sh -c "$0 \$MEMA_TABLE; kill -9 \$\$"' "$fill" 2>"$scratch/err"
has 'ended by a signal, and nothing reported' '^  the command was ended by signal 9, killed$' "$scratch/err"
guard "$mema" run -- sh -c '(exec sh -c "kill -9 \$\$") 2>/dev/null; exit 3' 2>"$scratch/err"
same 'a signal of a child is not the command'"'s" 0 "$(grep -c 'the command was ended' "$scratch/err")"
guard "$mema" run -- sh -c 'exit 137' 2>"$scratch/err"
same 'an exit status above 128 is no signal' 0 "$(grep -c 'the command was ended' "$scratch/err")"

finish
