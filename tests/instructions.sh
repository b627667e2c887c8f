#!/usr/bin/env bash
# The cost of the common paths, in instructions per operation, of pools and of malloc under the preload library: no more than 1 % above tests/instructions.txt.
#
#   bash tests/instructions.sh            holds the build against the table
#   PERCENT=10 bash tests/instructions.sh the same, with another tolerance
#   bash tests/instructions.sh --renew    writes the table anew: after a change that is worth its cost
#
# docs/performance.md shows the same figures, rounded.
#
# Only the library's own instructions are counted, by the source file of each function: neither the loop around the calls nor the C
# library, whose memcpy and memset are chosen by the processor. So the counts repeat exactly: another compiler or other flags have
# other counts, and are not held against the table.
. "$(dirname "$0")/checks.sh"
table=tests/instructions.txt
page=docs/performance.md
program=$BUILD/tests/programs/instructions
pairs=$BUILD/tests/programs/mallocPairs kin=$BUILD/tests/programs/mallocKin preload=$BUILD/libmema-preload.so
percent=${PERCENT:-1}

# As "Debian 12.2.0": the builder of gcc decides which flags are on by default.
compiler() {
  "$CC" -dM -E -x c /dev/null 2>/dev/null | grep -q '__clang__' && return
  "$CC" --version 2>/dev/null | sed -n '1s/^[^(]*gcc[^(]*(\([A-Za-z]*\).*) \([0-9.]*\)$/gcc \1 \2/p'
}

# Plays all with one kind of pool; callgrind begins a new part of its file behind each play.
play() { # KIND
  valgrind --tool=callgrind --callgrind-out-file="$scratch/$1.parts" --combine-dumps=yes --collect-atstart=no \
    --toggle-collect=measured --dump-after=measured "$program" "$1" >"$scratch/$1.plays" 2>"$scratch/errors" ||
    { tail -3 "$scratch/errors"; false; }
}

figures() { # KIND
  awk -v kind="$1" "$(<tests/support/callgrind.awk)"'
    FNR == NR { plays[++count] = $1; operations[count] = $2; next }
    /^part: / { part++ }
    /^c?fl=|^cfi=|^f[ie]=/ {
      file = nameOf($0)
      if (/^fl=/) ours = file ~ /(^|\/)(src\/|preload\/|single\/mema\.c$)/ && file !~ /\/tests\/[^\/]+\/[^\/]+$/
    }
    /^calls=/ { getline; next }
    /^[0-9+*-]/ { if (ours) sum[part] += $2 }
    END { for (i = 1; i <= count; i++) printf "%s %s %.2f\n", kind, plays[i], sum[i] / operations[i] }
  ' "$scratch/$1.plays" "$scratch/$1.parts"
}

# Plays one pattern of malloc and free, and writes it to the same files.
playPairs() { # PATTERN STEPS
  LD_PRELOAD=$preload valgrind --tool=callgrind --callgrind-out-file="$scratch/$1.parts" --collect-atstart=no \
    --toggle-collect=measuredStep "$pairs" "$1" "$2" --by-turns >"$scratch/$1.plays" 2>"$scratch/errors" ||
    { tail -3 "$scratch/errors"; false; }
}

measurePairs() {
  local pattern
  for pattern in 'few 40' 'bursts 20' 'burstsOfTwo 10' 'lives 40' 'passed 40' 'served 20'; do
    # shellcheck disable=SC2086 # a pattern and its steps are two words
    playPairs $pattern && figures "${pattern% *}" | sed 's/^[^ ]*/preload/' || return
  done
}

# Plays the rest of the family, and writes it to the same files.
measureKin() {
  LD_PRELOAD=$preload valgrind --tool=callgrind --callgrind-out-file="$scratch/kin.parts" --combine-dumps=yes --collect-atstart=no \
    --toggle-collect=measured --dump-after=measured "$kin" >"$scratch/kin.plays" 2>"$scratch/errors" ||
    { tail -3 "$scratch/errors"; return 1; }
  figures kin | sed 's/^[^ ]*/preload/'
}

measureAll() {
  local kind
  for kind in untracked tracked shared subPool arena trackedArena fixed; do
    play $kind && figures $kind || return
  done >"$scratch/figures"
  [ ! -e "$preload" ] || { measurePairs && measureKin; } >>"$scratch/figures"
}

# A function of awk.
grouped='
function grouped(number,  text, end) {
  text = sprintf("%.0f", number)
  for (end = length(text) - 3; end > 0; end -= 3) text = substr(text, 1, end) "," substr(text, end + 1)
  return text
}'

# The table as the page has it.
pageTable() {
  awk "$grouped"'
    function row(play, label,  i) {
      printf "| %s |", label
      for (i = 1; i <= kinds; i++) printf " %s |", (kind[i], play) in figure ? grouped(figure[kind[i], play]) : ""
      print ""
    }
    BEGIN { kinds = split("untracked tracked shared subPool arena trackedArena fixed", kind) }
    NF == 3 && $3 ~ /^[0-9.]+$/ { figure[$1, $2] = $3 }
    END {
      print "| | untracked | tracked | shared, untracked | sub-pool, tracked | arena, untracked | arena, tracked | fixed, untracked |"
      print "|---|---|---|---|---|---|---|---|"
      row("pair", "64 B, freed at once")
      row("batch", "1,000 of 16..1024 B, freed in order")
      row("replaceSmall", "1,000 live of 16..512 B, a random one replaced")
      row("replaceLarge", "100,000 live of 16..512 B, the same")
      row("request", "a pool made, 50 chunks of 16..400 B, freed whole")
      row("empty", "a pool made and freed")
      row("zeroed", "`pcalloc` and `pfree` of 16..4096 B (without the zeroing itself)")
      row("growth", "a chunk grown by 60 `repalloc`s from 16 B to 16 KiB (without the copying)")
    }
  ' $table
}

# The table of malloc and free under the preload library, as the page has it.
pairsTable() {
  awk '
    function row(play, label) { printf "| %s | %.0f |\n", label, figure[play] }
    $1 == "preload" { figure[$2] = $3 }
    END {
      print "| a `malloc` and its `free` under the preload library | |"
      print "|---|---|"
      row("few", "1,000 live of 16, 24, 32 and 48 B, the oldest replaced")
      row("bursts", "5,000 of 8..408 B, freed in order and in reverse in turns")
      row("burstsOfTwo", "the same, by two threads")
      row("lives", "50,000 live of 8..1008 B, allocated and freed at random")
      row("passed", "1,000 of 8..508 B at a time, freed by another thread")
      row("served", "the same in both directions")
    }
  ' $table
}

# The table of realloc and its kin, as the page has it.
kinTable() {
  awk "$grouped"'
    function row(play, label) { printf "| %s | %s |\n", label, grouped(figure[play]) }
    $1 == "preload" { figure[$2] = $3 }
    END {
      print "| `realloc` and its kin under the preload library (without the copying) | |"
      print "|---|---|"
      row("kept", "`realloc`: the chunk stays in its slot")
      row("moved", "`realloc`, 1,000 live of 17..416 B: it gets 64 bytes more or less")
      row("movedMany", "the same, 5,000 live")
      row("grown", "a chunk grown by 60 `realloc`s from 16 B to 16 KiB, with its `malloc` and `free`")
      row("sized", "`malloc_usable_size`")
      row("aligned", "`aligned_alloc` to 64 bytes, and its `free`")
    }
  ' $table
}

# The first three tables of the page are these.
isOnPage() {
  diff <(awk '/^\|/ { print; inside = 1; next } inside { inside = 0; if (++tables == 3) exit }' $page) <(pageTable && pairsTable && kinTable)
}

renewPage() {
  pageTable >"$scratch/page.1"
  pairsTable >"$scratch/page.2"
  kinTable >"$scratch/page.3"
  awk -v table="$scratch/page." '
    /^\|/ && tables < 3 { if (!inside) while ((getline line <(table tables + 1)) > 0) print line; inside = 1; next }
    { tables += inside; inside = 0; print }
  ' $page >"$scratch/renewed" && cat "$scratch/renewed" >$page
}

renew() {
  make -s BUILD="$BUILD" CC="$CC" "$program" "$pairs" "$kin" "$preload" && measureAll || exit 1
  {
    echo '# Instructions per operation, for tests/instructions.sh, which says what they are and how to renew them.'
    echo '# Operations: a palloc and its pfree (pair, batch, replaceSmall, replaceLarge), a pcalloc and its pfree (zeroed), a pool'
    echo '# of 50 chunks made and freed (request), a chunk grown by 60 repallocs from 16 B to 16 KiB (growth).'
    echo '# Kind preload: a malloc and its free under the preload library, in the patterns of tests/programs/mallocPairs.c;'
    echo '# from `kept` on the plays of tests/programs/mallocKin.c: one call, a chunk grown by 60 reallocs (grown), a pair (aligned).'
    echo "compiler $1"
    cat "$scratch/figures"
  } >$table
  renewPage
  cat $table
}

within() { # KIND PLAY FIGURE
  local limit
  limit=$(awk -v kind="$1" -v play="$2" '$1 == kind && $2 == play {print $3}' $table)
  echo "$1 $2: $3 instructions, limit ${limit:-missing} and $percent %"
  awk -v figure="$3" -v limit="${limit:-0}" -v most="$percent" 'BEGIN { exit !(figure > 0 && figure <= limit * (1 + most / 100)) }'
}

[ "${1:-}" = --renew ] || check 'docs/performance.md shows the table' isOnPage

why=
with=$(compiler) tableWith=$(sed -n 's/^compiler //p' $table 2>/dev/null)
if [ "$(uname -m)" != x86_64 ]; then
  why='not x86-64'
elif ! command -v valgrind >/dev/null; then
  why='valgrind is missing'
elif [ -z "$with" ]; then
  why="$CC is not gcc"
elif [ "${CFLAGS--O2 -g}${EXTRA:+ $EXTRA}" != '-O2 -g' ]; then
  why='other flags than -O2 -g'
elif [ "${1:-}" != --renew ] && [ "$with" != "$tableWith" ]; then
  why="$with; the table is of $tableWith"
fi

if [ -n "$why" ]; then
  skip 'instructions per operation' "$why"
elif [ "${1:-}" = --renew ]; then
  renew "$with"
  exit
else
  need 'the plays' measureAll
  [ "$failed" -eq 0 ] || finish
  cat "$scratch/figures"
  while read -r kind name figure; do
    check "$kind $name" within "$kind" "$name" "$figure"
  done <"$scratch/figures"
fi
finish
