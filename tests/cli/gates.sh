#!/bin/sh
# gates.sh - the tests of the gates of `mema run`: figures that are known, at each limit and one beyond it; the baseline; the files.
# BUILD is the directory of the products (default: build), CC the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/commands.sh
fill=$scratch/fillTable
$CC -std=gnu11 -O1 -w -Iinclude -o "$fill" tests/cli/fillTable.c || exit 1
mkdir "$scratch/files"
files=$scratch/files
export COLUMNS=400

# gates OPTIONS WORD=VALUE...: a run whose table holds these processes, and whose command ends with $own. The shell that ends with it has
# not got the library, which would write into the table.
own=0
export own
gates() {
  options=$1
  shift
  run run --no-inherit $options -- sh -c 'unset LD_PRELOAD; exec sh -c "\"\$0\" \"\$MEMA_TABLE\" \"\$@\"; exit $own" "$@"' sh "$fill" "$@"
}

one='name=known pid=42 poolSize=none peakBytes=1000 liveBytes=100 allocations=50 frees=9'

# ends NAME STATUS LINE: the status, and this line of stderr.
ends() {
  if [ "$status" -ne "$2" ]; then
    notOk "$1" "status $status, not $2: $(head -c 600 "$scratch/err" | tr '\n' '|')"
  elif grep -Fqx -e "$3" "$scratch/err"; then
    ok "$1"
  else
    notOk "$1" "no line '$3' in: $(head -c 900 "$scratch/err" | tr '\n' '|')"
  fi
}

# nothingLeft NAME: the directory of files is empty.
nothingLeft() {
  same "$1" '' "$(ls -A "$files")"
}

# ---- arithmetic ----------------------------------------------------------------------------------------------------------
section arithmetic

$CC -std=gnu11 -O1 -w -o "$scratch/wideBorders" tests/cli/wideBorders.c || exit 1
same 'products of two 64-bit numbers are exact' exact "$(guard "$scratch/wideBorders")"

# ---- limits --------------------------------------------------------------------------------------------------------------
section limits

gates '--max-peak 1000' $one
ends 'a peak at its gate: holds' 0 '  held  peak: 1000 bytes of known (42), at most 1000 bytes'
ends 'one gate: counted' 0 'mema run: 1 gate held'
gates '--max-peak 999' $one
ends 'a peak of a byte more: falls' 3 '  fell  peak: 1000 bytes of known (42), above 999 bytes'
ends 'a gate that falls: both statuses' 3 'mema run: 1 of 1 gate fell; the exit status is 3, that of the command is 0'
gates '--max-live 100' $one
ends 'live at its gate: holds' 0 '  held  live at exit: 100 bytes of known (42), at most 100 bytes'
gates '--max-live 99' $one
ends 'live of a byte more: falls' 3 '  fell  live at exit: 100 bytes of known (42), above 99 bytes'
gates '--max-live 0' $one
ends 'live above nothing: falls' 3 '  fell  live at exit: 100 bytes of known (42), above 0 bytes'
gates '--max-live 0' name=clean pid=3 poolSize=none peakBytes=5
ends 'nothing live: holds' 0 '  held  live at exit: 0 bytes of clean (3), at most 0 bytes'
gates '--max-allocations 50' $one
ends 'allocations at their gate: hold' 0 '  held  allocations: 50 of known (42), at most 50'
gates '--max-allocations 49' $one
ends 'one allocation more: falls' 3 '  fell  allocations: 50 of known (42), above 49'
gates '--max-peak 1.5K --max-allocations 0 --max-live 1M' $one
ends 'three gates: one fell' 3 'mema run: 1 of 3 gates fell; the exit status is 3, that of the command is 0'
ends 'three gates: one holds' 3 '  held  peak: 1000 bytes of known (42), at most 1536 bytes (1.5 KiB)'
big=18446744073709551615
largest=8388607T
[ "$pointerBytes" -ne 4 ] || largest=2047M
gates "--max-peak $largest --max-allocations 18446744073709551614" name=big pid=1 poolSize=none peakBytes=$big allocations=$big
ends 'the largest figures: fall' 3 'mema run: 2 of 2 gates fell; the exit status is 3, that of the command is 0'
own=5
gates '--max-peak 1000' $one
ends 'gates that hold: the status of the command' 5 'mema run: 1 gate held'
gates '--max-peak 999' $one
ends 'a gate that falls: before the status of the command' 3 'mema run: 1 of 1 gate fell; the exit status is 3, that of the command is 5'
own=0
(ulimit -c 0; guard "$mema" run --max-peak 1 -- sh -c 'kill -9 $$' >"$scratch/out" 2>"$scratch/err"; echo $? >"$scratch/status") 2>/dev/null
status=$(cat "$scratch/status")
[ -n "$off" ] || ends 'a killed command: both statuses' 3 'mema run: 1 of 1 gate fell; the exit status is 3, that of the command is 137'
gates '' $one
same 'no gate: nothing is said' 0 "$(grep -c -e gate -e held "$scratch/err")"
run run --max-peak 1 --report "$scratch/report" -- sh -c 'x=$(printf %0100000d 5); test ${#x} = 100000'
same 'nothing is refused' '3 0' "$status $(figure refused <"$scratch/report")"
run run -- env
grep '^MEMA_' "$scratch/out" | grep -v '^MEMA_TABLE' >"$scratch/plain"
run run --max-peak 1G --max-live 1G --max-allocations 1 --junit "$files/j" -- env
grep '^MEMA_' "$scratch/out" | grep -v '^MEMA_TABLE' >"$scratch/gated"
same 'the program sees nothing of its gates' "$(cat "$scratch/plain")" "$(cat "$scratch/gated")"
rm -f "$files/j"

# ---- many processes ------------------------------------------------------------------------------------------------------
section processes

many='name=cc pid=7 poolSize=none peakBytes=10 name=as pid=8 poolSize=none peakBytes=30 name=cc pid=9 poolSize=none peakBytes=40'
gates '--max-peak 40' $many
ends 'the biggest of many is named, with its number among its namesakes' 0 '  held  peak: 40 bytes of cc no. 2 (9), at most 40 bytes'
gates '--max-peak 20' $many
ends 'each process that is above a gate is named' 3 '  fell  peak: 40 bytes of cc no. 2 (9), above 20 bytes; also above it: as (8)'
gates '--max-peak 4' name=p pid=10 poolSize=none peakBytes=5 times=100
ends 'very many are named in part' 3 '  fell  peak: 5 bytes of p no. 1 (10), above 4 bytes; also above it: p no. 2 (11), p no. 3 (12), p no. 4 (13), p no. 5 (14), p no. 6 (15), ... (100 processes in all)'
gates "--max-peak 4 --junit $files/j" name=p pid=10 poolSize=none peakBytes=5 times=100
same 'the JUnit file names all' 100 "$(grep -c 'p no\. [0-9]* ([0-9]*): 5$' "$files/j")"
rm -f "$files/j"
gates '--max-peak 1G' $one lost=1
ends 'a process that the table had no room for: falls' 3 '  fell  peak: 1000 bytes of known (42), at most 1073741824 bytes (1.0 GiB); 1 process had no room in the table, and was not measured'
gates '--max-peak 1G' lost=0
ends 'no process: falls' 3 '  fell  no process reported its figures'
gates '--max-peak 1G' $one exact=0
ends 'a figure that is the least it can be: a warning' 0 '  warning: the figures of known (42) are at least these: it was killed, or still runs'
gates '--max-peak 999' $one exact=0
ends 'the least that it can be is too much: falls' 3 '  fell  peak: 1000 bytes of known (42), above 999 bytes'
gates '--max-peak 1G' $many exact=0 name=z pid=4 poolSize=none exact=0
ends 'two such figures: a warning' 0 '  warning: the figures of 2 processes are at least these: they were killed, or still run; the first is cc no. 2 (9)'
gates '--max-peak 1G' $one unreached=u obstacle=4 unreached=v obstacle=5 started=0
ends 'a program that was not reached: a warning' 0 '  warning: 1 program could not be reached: no gate measured it'
gates '--max-peak 1' "name=$(printf 'a\033[31mb\nc\377')" pid=5 poolSize=none peakBytes=5
ends 'a name with control characters: harmless' 3 '  fell  peak: 5 bytes of a?[31mb?c? (5), above 1 byte'

# ---- the baseline --------------------------------------------------------------------------------------------------------
section baseline

base=$files/base.json
gates "--baseline $base --update" $many
ends 'a baseline is written' 0 "mema run: wrote the baseline '$base'"
same 'a baseline is written: no gate' 0 "$(grep -c gate "$scratch/err")"
cp "$base" "$scratch/first"
gates "--baseline $base --update" name=cc pid=107 poolSize=none peakBytes=10 name=as pid=108 poolSize=none peakBytes=30 name=cc pid=109 poolSize=none peakBytes=40
same 'a baseline of the same figures is the same file' '' "$(diff "$scratch/first" "$base" | grep -v '"command": \["sh"' | grep '^[<>]')"
for python in python3 /usr/bin/python3 none; do
  "$python" -c 'from jsonschema import Draft202012Validator' 2>/dev/null && break
done
if [ "$python" = none ]; then
  skip 'a baseline fits the schema of reports' 'python3-jsonschema is not there'
else
  gates "--baseline $base --update" name=a pid=50 parentPid=7 poolSize=none name=b pid=51 parentPid=50 poolSize=none unreached=u pid=9 obstacle=5
  same 'a baseline fits the schema of reports' ok "$(guard "$python" -W ignore tests/cli/checkReport.py docs/report.schema.json "$base" \
    processes.0.pid=1 processes.0.parentPid=0 processes.1.pid=2 processes.1.parentPid=1 unreached.0.pid=null version=1 2>&1)"
  run run --baseline "$base" --update -- sh -c 'env true; exit 7'
  same 'a baseline of a real run fits the schema' ok "$(guard "$python" -W ignore tests/cli/checkReport.py docs/report.schema.json "$base" status=7 2>&1)"
fi
run run --baseline "$base" --update -- sh -c 'env true'
run run --baseline "$base" -- sh -c 'env true'
ends 'a real run and its own baseline: hold' 0 'mema run: 4 gates held'
run run --report "$files/report" -- sh -c 'env true'
run run --baseline "$files/report" -- sh -c 'env true'
ends 'a report is a baseline, too' 0 'mema run: 4 gates held'
rm -f "$files/report"

# grown WORD=VALUE...: compares these processes with the baseline of the words in $before.
before="$one"
grown() {
  gates "--baseline $base --update" $before
  gates "--baseline $base $growth" "$@"
}
growth=
grown $one
ends 'the same: holds' 0 '  held  peak of known (42) from 1000 bytes to 1000 bytes, allowed 0 %'
grown $one peakBytes=1001
ends 'a byte more: falls' 3 '  fell  peak of known (42) from 1000 bytes to 1001 bytes (0.1 % more), allowed 0 %'
grown $one peakBytes=1 liveBytes=0 allocations=9
ends 'less: holds' 0 '  held  allocations of known (42) from 50 to 9, allowed 0 %'
growth='--max-growth 2.5%'
grown $one peakBytes=1025
ends 'growth at its gate: holds' 0 '  held  peak of known (42) from 1000 bytes to 1025 bytes (1.0 KiB) (2.5 % more), allowed 2.5 %'
grown $one peakBytes=1026
ends 'growth of a byte more: falls' 3 '  fell  peak of known (42) from 1000 bytes to 1026 bytes (1.0 KiB) (2.6 % more), allowed 2.5 %'
grown $one liveBytes=103
ends 'growth of live: falls' 3 '  fell  live at exit of known (42) from 100 bytes to 103 bytes (3 % more), allowed 2.5 %'
grown $one allocations=52
ends 'growth of allocations: falls' 3 '  fell  allocations of known (42) from 50 to 52 (4 % more), allowed 2.5 %'
ends 'growth of one figure: the others hold' 3 'mema run: 1 of 4 gates fell; the exit status is 3, that of the command is 0'
growth='--max-growth 1000000'
before='name=known pid=1 poolSize=none'
grown $one
ends 'growth from nothing is beyond any percentage' 3 '  fell  allocations of known (42) from 0 to 50, allowed 1000000 %'
before="name=known pid=1 poolSize=none peakBytes=1844489958375118 liveBytes=3 allocations=$big"
grown $one peakBytes=$big liveBytes=30003 allocations=$big
ends 'the largest figures are compared exactly: hold' 0 '  held  live at exit of known (42) from 3 bytes to 30003 bytes (29.3 KiB) (1000000 % more), allowed 1000000 %'
before="name=known pid=1 poolSize=none peakBytes=1844489958375117 liveBytes=3 allocations=$big"
grown $one peakBytes=$big liveBytes=30004 allocations=$big
ends 'the largest figures are compared exactly: fall' 3 'mema run: 2 of 4 gates fell; the exit status is 3, that of the command is 0'
growth='--max-growth 0.01'
before="name=known pid=1 poolSize=none peakBytes=$big liveBytes=$big allocations=$big"
grown $one peakBytes=$big liveBytes=$big allocations=$big
ends 'the largest baseline' 0 'mema run: 4 gates held'
growth=
before=$many
grown name=cc pid=1 poolSize=none peakBytes=10 name=cc pid=2 poolSize=none peakBytes=41 name=as pid=3 poolSize=none peakBytes=30
ends 'processes are compared by name and order' 3 '  fell  peak of cc no. 2 (2) from 40 bytes to 41 bytes (2.5 % more), allowed 0 %'
grown name=cc pid=1 poolSize=none peakBytes=11 name=cc pid=2 poolSize=none peakBytes=41 name=as pid=3 poolSize=none peakBytes=31
ends 'the largest growth comes first, and each is named' 3 '  fell  peak of cc no. 1 (1) from 10 bytes to 11 bytes (10 % more), allowed 0 %; also too much: cc no. 2 (2), as (3)'
grown name=cc pid=1 poolSize=none peakBytes=10 name=as pid=2 poolSize=none peakBytes=30
ends 'a process that did not run: a warning' 0 '  warning: 1 process of the baseline did not run'
grown $many name=ld pid=1 poolSize=none name=cc pid=4 poolSize=none
ends 'processes that are new: fall' 3 '  fell  ld (1) is not in the baseline (--update writes it anew); nor are: cc no. 3 (4)'
ends 'processes that are new: the others are compared' 3 'mema run: 1 of 4 gates fell; the exit status is 3, that of the command is 0'
grown name=other pid=4 poolSize=none
ends 'no process is in the baseline' 3 '  held  no process is in the baseline'
grown $many lost=1
ends 'a process that the table had no room for: each gate falls' 3 'mema run: 4 of 4 gates fell; the exit status is 3, that of the command is 0'
before="$one exact=0"
grown $one
ends 'a baseline of least figures: a warning' 0 "  warning: the baseline's figures of 1 process are at least these: it was killed, or still ran"
odd=$(printf 'a\033b\n"\\\303\251\377\377')
gates "--baseline $base --update" "name=$odd" pid=1 poolSize=none peakBytes=7
gates "--baseline $base" "name=$odd" pid=2 poolSize=none peakBytes=7
ends 'names of any bytes are found again' 0 'mema run: 4 gates held'
gates "--baseline $base --update --max-peak 9" $one
ends 'a baseline that is written, beside a gate that falls' 3 "mema run: wrote the baseline '$base'"
cp "$base" "$scratch/first"
(ulimit -c 0; guard "$mema" run --baseline "$base" --update -- sh -c 'kill -9 $$' 2>"$scratch/err"; echo $? >"$scratch/status") 2>/dev/null
status=$(cat "$scratch/status")
[ -n "$off" ] || ends 'a killed run: no baseline' 137 "mema run: the baseline '$base' was not written: a signal ended the command"
gates "--baseline $base --update" lost=0
ends 'no process: no baseline, and no success' 2 "mema run: the baseline '$base' was not written: no process reported its figures"
gates "--baseline $base --update" $one lost=2
ends 'lost processes: no baseline' 2 "mema run: the baseline '$base' was not written: the table had no room for all processes"
same 'no baseline: the old one stays' "$(cat "$scratch/first")" "$(cat "$base")"

# ---- baselines that are none ---------------------------------------------------------------------------------------------
section damaged

base=$files/base.json
refusesBaseline() { # NAME PATTERN [OPTION...]: the baseline is refused before the program begins
  name=$1
  pattern=$2
  shift 2
  rm -f "$scratch/began"
  refuses "$name" 2 "^mema run: cannot read the baseline '[^']*': $pattern\$" run --baseline "$base" "$@" -- sh -c ': >"$scratch/began"'
  if [ -e "$scratch/began" ]; then notOk "$name: before the program begins" 'it ran'; fi
}
rm -f "$base"
refusesBaseline 'a baseline that is missing' 'there is no such file; --update writes it'
nothingLeft 'a baseline that is missing: nothing is made'
mkdir "$base"
refusesBaseline 'a directory' 'it is no regular file'
rmdir "$base"
mkfifo "$base"
refusesBaseline 'a pipe' 'it is no regular file'
rm "$base"
gates "--baseline $base --update" $many
cp "$base" "$scratch/good"
sed 's/"version": 1/"version": 2/' "$scratch/good" >"$base"
refusesBaseline 'another version' 'it is a report of version 2, and this mema reads version 1; --update writes it anew'
echo '{"version": 7, "processes": {"cc": 5}}' >"$base"
refusesBaseline 'another version of another form' 'it is a report of version 7, and this mema reads version 1; --update writes it anew'
while IFS='|' read -r words edit lacks; do
  sed "$edit" "$scratch/good" >"$base"
  refusesBaseline "$words" "it is no report, or is damaged: line [0-9]+ lacks $lacks"
done <<'EDITS'
no version|/"version"/d|version, mmap, lost and processes of a report
no mmap|/"mmap"/d|version, mmap, lost and processes of a report
a key twice|s/"lost": 0/"lost": 0, "lost": 0/|each key once
no peak|s/"peakBytes": 10, //|command, exact, peakBytes, liveBytes and allocations of a process
a figure below 0|s/"peakBytes": 10/"peakBytes": -10/|a whole number
a figure with a fraction|s/"peakBytes": 10/"peakBytes": 10.5/|a whole number
a figure with an exponent|s/"peakBytes": 10/"peakBytes": 1e1/|a whole number
a figure that is too large|s/"peakBytes": 10/"peakBytes": 18446744073709551616/|a whole number
a figure with a zero before it|s/"peakBytes": 10/"peakBytes": 010/|a whole number
a figure that is a string|s/"peakBytes": 10/"peakBytes": "10"/|a whole number
a word that is none|s/"exact": true/"exact": yes/|true or false
a name without its end|s/"command": "as"/"command": "as/|the rest of a string|a comma or }
a name with an escape that is none|s/"command": "as"/"command": "\\x"/|the rest of a string
a name with half of a pair|s/"command": "as"/"command": "\\ud800"/|the rest of a string
a name with a zero|s/"command": "as"/"command": "\\u0000"/|the rest of a string
a missing comma|s/, "exact"/ "exact"/|a comma or }
more behind it|$s/$/ {}/|the end
conflict marks of git|1s/^/<<<<<<< HEAD\n/|an object
EDITS
awk 'BEGIN { s = "a"; while (length(s) < 300) s = s s; print "{\"version\": 1, \"mmap\": true, \"lost\": 0, \"processes\": [{\"command\": \"" s "\"}]}" }' >"$base"
refusesBaseline 'a name that is too long' 'it is no report, or is damaged: line 1 lacks a shorter string'
awk 'BEGIN { for (i = 0; i < 100000; i++) s = s "["; print "{\"a\": " s }' >"$base"
refusesBaseline 'a hundred thousand brackets' 'it is no report, or is damaged: line 1 lacks fewer brackets'
head -c 100000 /dev/zero >"$base"
refusesBaseline 'zeroes' 'it is no report, or is damaged: line 1 lacks an object'
: >"$base"
refusesBaseline 'an empty file' 'it is no report, or is damaged: line 1 lacks an object'
size=$(wc -c <"$scratch/good")
refused=0
cuts=0
at=1
while [ -z "$off" ] && [ "$at" -lt $((size - 1)) ]; do
  head -c "$at" "$scratch/good" >"$base"
  "$mema" run --baseline "$base" -- true 2>"$scratch/err"
  [ $? -eq 2 ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] && refused=$((refused + 1))
  cuts=$((cuts + 1))
  at=$((at + 13))
done
same 'a baseline that is cut off anywhere is refused in one line' "$cuts" "$refused"
cat "$scratch/good" >"$base"
refuses 'a baseline with other bytes' 2 "^mema run: the baseline '$base' was written without --no-mmap: its figures are of other bytes\$" run --no-mmap --baseline "$base" -- true
if [ -n "$off" ] || { command -v python3 && python3 -c 'import json'; } >/dev/null 2>&1; then
  python3 -c 'import json, sys; json.dump(json.load(open(sys.argv[1])), open(sys.argv[2], "w"), sort_keys=True, indent=8)' "$scratch/good" "$base" 2>/dev/null
  gates "--baseline $base" $many
  ends 'a baseline that was sorted and indented is the same' 0 'mema run: 4 gates held'
else
  skip 'a baseline that was sorted and indented' 'python3 is not there'
fi
rm -f "$base"

# ---- questions -----------------------------------------------------------------------------------------------------------
section questions

for size in '' -1 5x 1.5 M; do
  refuses "--max-peak '$size'" 2 "^mema run: --max-peak '$size' is not a size: " run --max-peak "$size" -- true
done
refuses '--max-live of too much' 2 "^mema run: --max-live '9999999T' is larger than any budget can be" run --max-live 9999999T -- true
for number in '' -1 5x 1.5 1K 18446744073709551615 99999999999999999999; do
  refuses "--max-allocations '$number'" 2 "^mema run: --max-allocations '$number' is not a number that can be: " run --max-allocations "$number" -- true
done
for percent in '' -1 5x . 5. .5 1.234 1000001 99999999999999999999 5%% '5 %'; do
  refuses "--max-growth '$percent'" 2 "^mema run: --max-growth '$percent' is not a percentage: " run --baseline b --max-growth "$percent" -- true
done
refuses '--max-growth alone' 2 '^mema run: --max-growth needs --baseline$' run --max-growth 5 -- true
refuses '--update alone' 2 '^mema run: --update needs --baseline$' run --update -- true
refuses '--junit alone' 2 '^mema run: --junit needs a gate: --max-peak, ' run --junit "$files/j" -- true
refuses '--github alone' 2 '^mema run: --github needs a gate: --max-peak, ' run --github -- true
refuses '--junit without a name' 2 '^mema run: --junit needs the name of a file$' run --junit '' --max-peak 1 -- true
refuses '--baseline on stdin' 2 '^mema run: --baseline needs the name of a file$' run --baseline - -- true
refuses '--report - and a gate' 2 '^mema run: --report - leaves no room on stderr for the gates' run --report - --max-peak 1 -- true
asked="--max-peak 1 --junit $files/j --baseline $files/b --update"
refuses 'a command that is not there' 127 "^mema run: cannot run '/none/such': No such file" run $asked -- /none/such
: >"$scratch/plainFile"
refuses 'a command that is not executable' 126 "^mema run: cannot run '$scratch/plainFile': Permission denied" run $asked -- "$scratch/plainFile"
echo 'int main(void) { return 0; }' >"$scratch/hello.c"
if [ -z "$off" ] && compiled static -static - <"$scratch/hello.c"; then
  refuses 'a static command' 2 "^mema run: '$scratch/static' is statically linked" run $asked -- "$scratch/static"
else
  skip 'a static command' 'no static program can be made'
fi
if [ -z "$off" ] && compiled sanitised -fsanitize=address - <"$scratch/hello.c"; then
  refuses 'a sanitised command' 2 "^mema run: '$scratch/sanitised' .*sanitizer" run $asked -- "$scratch/sanitised"
else
  skip 'a sanitised command' 'no sanitizer'
fi
printf 'garbage' >"$scratch/garbage"
chmod +x "$scratch/garbage"
nothingLeft 'a command that did not begin: no file'

# ---- files ---------------------------------------------------------------------------------------------------------------
section files

gates "--max-peak 1000 --junit $files/none/j" $one
same 'a JUnit file in a directory that is not there' "2 mema run: cannot write the JUnit file '$files/none/j': No such file or directory" "$status $(cat "$scratch/err")"
gates "--baseline $files --update" $one
same 'a baseline that is a directory' "2 mema run: cannot write the baseline '$files': Is a directory" "$status $(cat "$scratch/err")"
if [ -w /dev/full ]; then
  gates '--max-peak 1000 --junit /dev/full' $one
  ends 'a full disk, JUnit: no success' 2 "mema run: cannot write the JUnit file '/dev/full': No space left on device"
  gates '--max-peak 999 --junit /dev/full' $one
  ends 'a full disk, JUnit, and a gate that falls' 3 "mema run: cannot write the JUnit file '/dev/full': No space left on device"
  own=7
  gates '--baseline /dev/full --update' $one
  ends 'a full disk, baseline: the status of the command stays' 7 "mema run: cannot write the baseline '/dev/full': No space left on device"
  own=0
  same '/dev/full is still a device' yes "$([ -c /dev/full ] && echo yes)"
fi
echo old >"$files/j"
chmod 640 "$files/j"
# In units of 512 bytes; bash counts in 1,024.
[ -n "${BASH_VERSION:-}" ] && limit=3000 || limit=6000
(ulimit -f $limit; gates "--baseline $files/j --update" name=$(printf %047d 0) pid=1 poolSize=none times=8192; echo "$status" >"$scratch/status")
has 'a limit of file sizes: said' "^mema run: cannot write the baseline '$files/j': File too large$" "$scratch/err"
same 'a limit of file sizes: no success, the old file stays, and nothing beside it' '2 old j' "$(cat "$scratch/status") $(head -c 100 "$files/j") $(ls -A "$files")"
gates "--max-peak 1000 --junit $files/j" $one
same 'a file that is replaced keeps its permissions' "640" "$(stat -c %a "$files/j")"
rm -f "$files/j"
(umask 027; gates "--max-peak 1000 --junit $files/j" $one)
same 'a new file has the permissions of the umask' "640" "$(stat -c %a "$files/j")"
mv "$files/j" "$files/real"
ln -s real "$files/link"
echo old >"$files/real"
gates "--max-peak 1000 --junit $files/link" $one
same 'behind a symbolic link its file is replaced' 'link yes' "$([ -h "$files/link" ] && echo link) $(grep -q '<testsuites' "$files/real" && echo yes)"
rm -f "$files/link" "$files/real"
guard "$mema" run --max-peak 1G --junit /dev/stdout -- true 2>/dev/null | cat >"$scratch/out"
has 'a pipe is written to' '^</testsuites>$' "$scratch/out"
(cd "$files" && guard "$mema" run --max-peak 1G --junit j --baseline b --update -- sh -c 'cd /' 2>/dev/null)
same 'names without a directory, and a program that changes its own' 'b j' "$(ls -A "$files" | tr '\n' ' ' | sed 's/ $//')"
rm -f "$files/j" "$files/b"
nothingLeft 'nothing else is left'

# ---- JUnit and GitHub ----------------------------------------------------------------------------------------------------
section machines

wellFormed() { # NAME FILE
  if command -v xmllint >/dev/null; then
    same "$1" '' "$(xmllint --noout "$2" 2>&1)"
  elif command -v python3 >/dev/null; then
    same "$1" '' "$(python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$2" 2>&1)"
  else
    skip "$1" 'neither xmllint nor python3 is there'
  fi
}
gates "--max-peak 999 --max-live 100 --junit $files/j" $one exact=0
wellFormed 'JUnit: well-formed' "$files/j"
sed -e 's/<testsuite name="[^"]*"/<testsuite name="COMMAND"/' "$files/j" >"$scratch/junit"
cat >"$scratch/expected" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="mema run" tests="2" failures="1" errors="0">
  <testsuite name="COMMAND" tests="2" failures="1" errors="0" skipped="0">
    <properties>
      <property name="status" value="0"/>
    </properties>
    <testcase classname="mema run" name="max-peak">
      <failure type="gate" message="peak: 1000 bytes of known (42), above 999 bytes">known (42): 1000
</failure>
    </testcase>
    <testcase classname="mema run" name="max-live">
      <system-out>live at exit: 100 bytes of known (42), at most 100 bytes</system-out>
    </testcase>
    <system-err>the figures of known (42) are at least these: it was killed, or still runs
</system-err>
  </testsuite>
</testsuites>
XML
same 'JUnit: each gate is a test case' '' "$(diff "$scratch/expected" "$scratch/junit")"
run run --max-peak 1 --junit "$files/j" -- sh -c ':' "$(printf '<a>&"\047]]> \001\033\t\n\r\303\251\377\357\277\276\357\277\277\360\237\230\200')"
wellFormed 'JUnit: words of any bytes' "$files/j"
has 'JUnit: words of any bytes are escaped' '<testsuite name="sh -c : &#60;a&#62;&#38;&#34;.\]\]&#62; &#xfffd;&#xfffd;&#9;&#10;&#13;..&#xfffd;&#xfffd;&#xfffd;' "$files/j"
gates "--max-peak 1 --junit $files/j" "name=$(printf '<b>&"\001\377')" pid=5 poolSize=none peakBytes=5
wellFormed 'JUnit: a name of any bytes' "$files/j"
rm -f "$files/j"
gates '--max-peak 999' $one
same 'no annotation without GITHUB_ACTIONS' 0 "$(grep -c '^::' "$scratch/err")"
gates '--max-peak 999 --max-live 99 --github' $one
ends '--github: one line for the gates that fell' 3 '::error title=mema run - 2 of 2 gates fell::peak: 1000 bytes of known (42), above 999 bytes%0Alive at exit: 100 bytes of known (42), above 99 bytes'
same '--github: one line' 1 "$(grep -c '^::' "$scratch/err")"
gates '--max-peak 1000 --github' $one
same '--github: none where all hold' 0 "$(grep -c '^::' "$scratch/err")"
export GITHUB_ACTIONS=true
gates '--max-peak 999' $one exact=0
ends 'GITHUB_ACTIONS: a line' 3 '::error title=mema run - 1 of 1 gate fell::peak: 1000 bytes of known (42), above 999 bytes'
ends 'GITHUB_ACTIONS: a line for the warnings' 3 '::warning title=mema run::the figures of known (42) are at least these: it was killed, or still runs'
gates "--baseline $files/b --update" $one
gates "--baseline $files/b" $one peakBytes=1100
ends 'GITHUB_ACTIONS: a percentage is escaped' 3 '::error title=mema run - 1 of 4 gates fell::peak of known (42) from 1000 bytes to 1100 bytes (1.1 KiB) (10 %25 more), allowed 0 %25'
gates '' $one
same 'GITHUB_ACTIONS without gates: no line' 0 "$(grep -c '^::' "$scratch/err")"
unset GITHUB_ACTIONS
rm -f "$files/b"
for columns in 20 47 80; do
  COLUMNS=$columns
  gates '--max-peak 4' name=p pid=10 poolSize=none peakBytes=5 times=100
  same "$columns columns: no line is longer" yes "$(awk -v most=$columns 'length($0) > most { bad = 1 } END { print bad ? "no" : "yes" }' "$scratch/err")"
done

finish
