#!/bin/sh
# figures.sh - the tests of the figures that `mema run` gives for processes, however they end. BUILD is the directory of the products (default: build), CC the
# compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/preload/harness.sh
mema=$BUILD/mema
programs=$scratch
for program in everyEnd becoming; do
  $CC -std=gnu11 -O2 -g -Wall -Wextra -fno-builtin -o "$programs/$program" "tests/preload/$program.c" -pthread ||
    notOk "$program" 'does not compile'
done

# judge KIND EXACT: compares each row of the report with the counts of the process itself (everyEnd.c). The library and the C library allocate a little,
# too: as much as in a process that takes no steps, in the report at hand where its rows are exact, else in that of _exit, which comes first.
#   exact      counts and live bytes are those of the process; the peak is not below, and with several threads not above the sum of their peaks
#   not exact  each thread may lack up to 64 calls for each thread, of chunks of up to 2 KiB: all larger ones are in the figures at once
judge() {
  awk -v kind="$1" -v exact="$2" '
    function value(key) {
      return match($0, "\"" key "\": [0-9a-z]+") ? substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4) : "missing"
    }
    function complain(pid, what) {
      if (complaints++ < 5) print sort[pid] ", " steps[pid] " steps: " what
    }
    function within(pid, what, is, from, to) {
      is += 0
      if (is < from || is > to) complain(pid, what " " is ", not " from (from == to ? "" : " to " to))
    }
    BEGIN { figures = split("allocations frees liveBytes peakBytes", names) }
    FILENAME ~ /bases$/ { for (i = 1; i <= figures; i++) begun[$1, names[i]] = base[$1, names[i]] = $(i + 1); next }
    FILENAME ~ /counts$/ {
      sort[$1] = $2 "-" $3; threads[$1] = $2; steps[$1] = $4; processes++
      for (i = 1; i <= figures; i++) counted[$1, names[i]] = $(i + 4)
      peaks[$1] = $9
      next
    }
    /"pid"/ {
      pid = value("pid")
      if (!(pid in sort)) next
      rows++
      for (i = 1; i <= figures; i++) told[pid, names[i]] = value(names[i])
      for (i = 1; i <= figures && exact == "true" && steps[pid] == 0; i++) base[sort[pid], names[i]] = told[pid, names[i]]
      if (value("exact") != exact) complain(pid, "exact is " value("exact"))
    }
    function lacking(pid, name, lack, own) {
      within(pid, name, told[pid, name] - base[sort[pid], name], own - lack, own)
    }
    END {
      if (rows == 0 || rows != processes) print processes " processes, " rows " rows"
      for (pid in sort) {
        lack = exact == "true" ? 0 : 64 * threads[pid] * threads[pid]
        lacking(pid, "allocations", lack, counted[pid, "allocations"])
        lacking(pid, "frees", lack, counted[pid, "frees"])
        own = kind == "exec" ? 0 : counted[pid, "liveBytes"]
        within(pid, "liveBytes", told[pid, "liveBytes"] - base[sort[pid], "liveBytes"], own - 2048 * lack, own + 2048 * lack)
        begins = kind == "exec" ? 0 : begun[sort[pid], "liveBytes"]
        within(pid, "peakBytes", told[pid, "peakBytes"], counted[pid, "peakBytes"] + begins - 2048 * lack,
               peaks[pid] + base[sort[pid], "peakBytes"])
      }
      for (each in told) {
        split(each, part, SUBSEP)
        if (exact == "true" && steps[part[1]] == 0 && part[2] == "frees")
          print sort[part[1]], told[part[1], "allocations"], told[part[1], "frees"], told[part[1], "liveBytes"],
                told[part[1], "peakBytes"] >"/dev/stderr"
      }
    }' "$scratch/bases" "$scratch/counts" "$scratch/report" 2>"$scratch/newBases"
}

# startAll KIND POINTS
startAll() {
  rm -f "$scratch/counts"
  (ulimit -c 0; guard "$mema" run --report "$scratch/report" -- "$programs/everyEnd" "$scratch/counts" "$1" "$2") >/dev/null 2>&1
}

# everyEnd KIND EXACT
everyEnd() {
  startAll "$1" 100
  same "figures of 404 processes that end by $1" '' "$(judge "$1" "$2")"
}

section everyEnd
: >"$scratch/bases"
startAll _exit 0
judge _exit true >/dev/null
mv "$scratch/newBases" "$scratch/bases"
for kind in _exit _Exit quick_exit exit return pthread_exit abort assert exec; do everyEnd $kind true; done
for kind in kill fault; do everyEnd $kind false; done

# ---- one row for a process, whatever it becomes ---------------------------------------------------------------------------
section becoming

# rowOf KEY...: of the last row of the report.
rowOf() {
  for key in "$@"; do grep '"pid"' "$scratch/report" | tail -n 1 | figure "$key"; done
}

# becomes WAY ROWS EXPECTED: programs, allocations, frees and bad frees of the last row.
becomes() {
  guard "$mema" run --report "$scratch/report" -- "$programs/becoming" "$1" >/dev/null 2>"$scratch/err"
  same "exec ($1): a row for each process" "$2" "$(grep -c '"pid"' "$scratch/report")"
  same "exec ($1): counts of all its programs" "$3" "$(echo $(rowOf programs allocations frees badFrees exact))"
  live=$(rowOf liveBytes)
  if [ "${live:-0}" -ge 10000 ] && [ "$live" -lt 20000 ]; then
    ok "exec ($1): what is live is the last program's"
  else
    notOk "exec ($1): what is live is the last program's" "$live"
  fi
}

becomes itself 1 '2 8 1 0 true'
peak=$(rowOf peakBytes)
if [ "${peak:-0}" -ge 300000 ] && [ "$peak" -lt 400000 ]; then
  ok 'exec: the peak is the most of all'
else
  notOk 'exec: the peak is the most of all' "$peak"
fi
becomes failing 1 '2 8 1 0 true'
guard "$mema" run --report "$scratch/report" -- "$programs/becoming" killed >/dev/null 2>&1
same 'a failed exec is no end' '1 false' "$(echo $(rowOf programs exact))"
becomes forked 2 '2 12 0 1 true'
peak=$(rowOf peakBytes)
if [ "${peak:-20000}" -lt 20000 ]; then
  ok 'exec: what was inherited is no part of it'
else
  notOk 'exec: what was inherited is no part of it' "$peak"
fi
same 'exec: the processes are known by name' 2 "$(grep -c '"command": "becoming"' "$scratch/report")"

# Of 9,000 processes 808 have no slot; then comes one more, which is three programs (the number is written for a little-endian machine).
guard "$mema" run --report "$scratch/report" -- sh -c 'printf "\050\043\000\000" | dd of="$MEMA_TABLE" bs=1 seek=20 conv=notrunc 2>/dev/null
  env env true; exit 0' >/dev/null 2>&1
same 'without a slot: a process is counted once' 809 "$(figure lost <"$scratch/report")"

finish
