#!/bin/sh
# report.sh - the tests of docs/report.schema.json: real reports of `mema run` fit it, and whatever differs from one does not.
# BUILD is the directory of the products (default: build), CC the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/preload/harness.sh
mema=$BUILD/mema
report=$scratch/report.json
fill=$scratch/fillTable
$CC -std=gnu11 -O1 -w -Iinclude -o "$fill" tests/cli/fillTable.c || exit 1

# A python3 beside Debian's need not have Debian's packages.
for python in python3 /usr/bin/python3 none; do
  "$python" -c 'from jsonschema import Draft202012Validator' 2>/dev/null && break
done
if [ "$python" = none ]; then
  skip 'reports fit their schema' 'python3-jsonschema is not there'
  finish
fi

# fits NAME [PATH=JSON...]: the report fits the schema, and has these values.
fits() {
  name=$1
  shift
  same "$name" ok "$(guard "$python" -W ignore tests/cli/checkReport.py $strict docs/report.schema.json "$report" "$@" 2>&1)"
}

# fitsAlone NAME [PATH=JSON...]: the same, and the schema refuses each change of the report.
fitsAlone() {
  strict=--strict
  fits "$@"
  strict=
}
strict=

# of COMMAND...: mema run with these arguments, into $report.
of() {
  rm -f "$report"
  guard "$mema" run --report "$report" "$@" >"$scratch/out" 2>"$scratch/err"
}

# filled OPTIONS WORD=VALUE...: of a run whose table holds these processes.
filled() {
  options=$1
  shift
  of --no-inherit $options -- sh -c 'table=$MEMA_TABLE; unset LD_PRELOAD; exec "$0" "$table" "$@"' "$fill" "$@"
}

# ---- real runs -----------------------------------------------------------------------------------------------------------
section realRuns

of -- true
fitsAlone 'one process' 'command=["true"]' poolSize=null reserve=0 mmap=true strict=false status=0 signal=null lost=0 \
  'processes.0.command="true"' processes.0.ended=true processes.0.poolSize=null processes.0.refused=0
of --pool 16M --reserve 64K --no-mmap --strict -- sh -c 'env true; exit 3'
fitsAlone 'many processes, and all options' poolSize=16777216 reserve=65536 mmap=false strict=true status=3 processes.0.poolSize=16777216
(ulimit -c 0; of -- sh -c 'env true; kill -9 $$') 2>/dev/null
fitsAlone 'killed' status=137 signal=9 processes.0.ended=false processes.0.exact=false
(ulimit -c 0; of -- sh -c 'kill -SEGV $$') 2>/dev/null
fits 'killed by a fault' status=139 signal=11
(ulimit -c 0; of -- sh -c 'kill -ABRT $$') 2>/dev/null
fits 'aborted' status=134 signal=6
of -- sh -c 'exec env true'
fits 'exec' status=0
of -- sh -c 'exit 255'
fits 'the highest status' status=255 signal=null
cat >"$scratch/greedy.c" <<'C'
#include <stdlib.h>
#include <sys/mman.h>
int main(void) {
  void *volatile chunk = malloc((size_t)32 << 20);
  if (chunk != NULL) return 1;
  chunk = malloc((size_t)-1);
  free((void *)&chunk);
  mmap(0, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return chunk == NULL ? 5 : 1;
}
C
$CC -O1 -w -fno-builtin -o "$scratch/greedy" "$scratch/greedy.c"
of --pool 16M -- "$scratch/greedy"
fits 'refused, a bad free, a mapping' status=5 processes.0.refused=2 processes.0.overBudget=1 processes.0.badFrees=1 \
  processes.0.mappedBytes=4194304 processes.0.peakMapped=4194304
guard "$mema" run --report - --pool 1.5G -- sh -c 'env true; exit 6' 2>"$report"
fits '--report -' poolSize=1610612736 status=6
of -- "$mema" run --pool 16M -- true
fits 'a run inside a run'
of -- sh -c ':' "$(printf 'quote " back \\ tab\tbell \007\303\251\377\n.')" ''
fits 'words of any bytes' 'command=["sh","-c",":","quote \" back \\ tab\tbell \u0007\u00e9\ufffd\n.",""]'
of "$(printf '%s' /bin/sh)" -c 'i=0; while [ $i -lt 100 ]; do (exit $i); i=$((i + 1)); done'
fits 'a hundred children'

of --no-inherit -- env -i true
fits 'a program that could not be reached' 'unreached.0.command="true"' 'unreached.0.reason="environment without the library"' \
  unreached.0.started=true unreachedLost=0
of --no-inherit --strict -- env -i true
fits 'a program that was not started' strict=true unreached.0.started=false
cat >"$scratch/shell.c" <<'C'
#include <stdlib.h>
int main(void) { return clearenv() != 0 || system("exit 0") != 0; }
C
$CC -O1 -w -o "$scratch/shell" "$scratch/shell.c"
of --no-inherit -- "$scratch/shell"
fitsAlone 'a shell of the C library that could not be reached' status=0 unreached.0.pid=null

# ---- a report in full ----------------------------------------------------------------------------------------------------
section contents

figures='poolSize=1048576 peakBytes=101 liveBytes=102 liveChunks=103 allocations=104 frees=105 refused=106 overBudget=107 badFrees=108
  foreignFrees=109 droppedFrees=110 unknownFrees=115 deepBinds=114 mappedBytes=111 peakMapped=112 footprint=113'
filled '--pool 1M' name=first pid=7 parentPid=6 ended=1 $figures name=second pid=8 parentPid=7 exact=0 programs=3 lost=3 poolSize=none \
  unreached=u pid=9 obstacle=5 interpreters=1 started=0 beyond=4
fitsAlone 'each value in its place' lost=3 unreachedLost=4 \
  'unreached=[{"command": "u", "pid": 9, "reason": "interpreter: set-user-ID", "started": false}]' 'processes.0.command="first"' processes.0.pid=7 processes.0.parentPid=6 processes.0.ended=true \
  $(for figure in $figures; do echo "processes.0.$figure"; done) \
  'processes.1.command="second"' processes.1.pid=8 processes.1.parentPid=7 processes.1.ended=false processes.1.poolSize=null \
  processes.0.exact=true processes.0.programs=1 processes.1.exact=false processes.1.programs=3 \
  processes.1.peakBytes=0 processes.1.footprint=0
big=18446744073709551615
filled '' name=big pid=2147483647 parentPid=2147483647 poolSize=9223372036854775806 peakBytes=$big allocations=$big
fits 'the largest numbers' processes.0.peakBytes=$big processes.0.pid=2147483647
filled '' "name=$(printf 'a\033[31m\nb\377\303\251"\\')" pid=1 poolSize=none
fits 'a name of any bytes' 'processes.0.command="a\u001b[31m\nb\ufffd\u00e9\"\\"'
filled '' name= pid=1 poolSize=none
fits 'an empty name' 'processes.0.command=""'
filled '' lost=0
fitsAlone 'no process' 'processes=[]'
filled '' name=p pid=1 poolSize=none $(for obstacle in 0 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo "unreached=p obstacle=$obstacle"; done)
fits 'each reason' 'unreached.1.reason="environment without the library"' 'unreached.11.reason="another C library"' 'unreached.12.reason="sanitizer"' 'unreached.13.reason="unknown"'
filled '' name=p pid=1 poolSize=none times=300 lost=4000000000
fits 'very many' lost=4000000000 processes.299.pid=300

finish
