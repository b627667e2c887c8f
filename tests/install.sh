#!/usr/bin/env bash
# The README's first steps: its first example is examples/first.c, prints the text in the README, from an installed mema found by
# pkg-config; make install and make uninstall leave nothing behind.
. "$(dirname "$0")/checks.sh"
prefix=$scratch/prefix

codeBlock() { # the first block of this kind in the README
  awk -v fence="\`\`\`$1" '$0 == fence && !done {inside = 1; next} inside && $0 == "```" {inside = 0; done = 1} inside' README.md
}

# Medians of glibc, mimalloc and mema, untracked and tracked: in docs/measurements.md by the row's letter, in the README by its name.
figuresOfThePage() { # LETTER
  awk -v row="^$1: " '$0 ~ row {inside = 1} inside && $1 == "mema" {figure = $3} inside && $1 != "mema" {figure = $2}
    inside && /^  (glibc|mimalloc|mema (untracked|tracked)) / {printf figure < 20 ? " %.1f" : " %.0f", figure} inside && /^  mema tracked/ {exit}' \
    docs/measurements.md
}

figuresOfTheReadme() { # NAME
  awk -F ' *[|] *' -v name="$1" '$2 == name {printf " %s %s %s %s", $3, $4, $5, $6}' README.md
}

showsTheLatestRun() {
  local same=0 letter name
  while IFS='|' read -r letter name; do
    [ "$(figuresOfThePage "$letter")" = "$(figuresOfTheReadme "$name")" ] && continue
    echo "$name: README$(figuresOfTheReadme "$name"), page$(figuresOfThePage "$letter")"
    same=1
  done <<'ROWS'
a|64 B, freed at once
b1|1,000 of 16..1024 B, then all freed in order
b3|the same, freed in any order
c1|20,000 live of 16..512 B, a random one replaced
c|100,000 live of 16..512 B, a random one replaced
d|1,000,000 live of 48 B, a random one replaced
ROWS
  return $same
}

# Each row of the README's table has the chunks of the example, and its memory within 5 % and 4 MiB: huge pages vary.
showsWhatIsResident() {
  "$CC" -O2 -Iinclude examples/resident.c "$BUILD/libmema.a" -pthread -o "$scratch/resident" &&
    "$scratch/resident" >"$scratch/measured" || return 1
  awk -F ' *[|] *' '
    function near(a, b) { return a - b <= b * 0.05 + 4 && b - a <= b * 0.05 + 4 }
    $2 !~ /^[0-9]+$/ || $4 !~ / MiB$/ { next }
    FNR == NR { row[$2] = $0; rows++; next }
    $2 in row {
      split(row[$2], measured, / *[|] */)
      if (measured[3] == $3 && near(measured[4] + 0, $4 + 0) && measured[5] == $5 && near(measured[6] + 0, $6 + 0)) same++
      else print "README: " $0 "\nmeasured: " row[$2]
    }
    END { exit !(rows == 5 && same == rows) }
  ' "$scratch/measured" <(sed 's/^  *//' README.md)
}

shownIsShipped() {
  diff <(codeBlock c) <(sed 1d examples/first.c)
}

printsWhatItSays() {
  local flags
  flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs mema) || return 1
  # shellcheck disable=SC2086
  "$CC" examples/first.c $flags -Wl,-rpath,"$prefix/lib" -o "$scratch/first" || return 1
  diff <(codeBlock text) <("$scratch/first")
}

arenaExample() {
  local flags
  flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs mema) || return 1
  # shellcheck disable=SC2086
  "$CC" examples/arena.c $flags -Wl,-rpath,"$prefix/lib" -o "$scratch/arena" && "$scratch/arena"
}

# With the installed files alone, and nothing of the C library: neither headers nor code.
freestandingProgram() {
  local flags
  flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs mema-fixed) || return 1
  # shellcheck disable=SC2086
  "$CC" -ffreestanding -nostdinc -isystem "$("$CC" -print-file-name=include)" -nostdlib -static -fno-stack-protector \
    tests/freestanding/program.c $flags -o "$scratch/freestanding" && "$scratch/freestanding"
}

# mema_test.h beside mema.h, and nothing of the clone.
testHeader() {
  local flags
  flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs mema) || return 1
  printf '#include <mema_test.h>\nint main(void) { Pool pool; if (!initPool(&pool, 99)) return 1; MEMA_EXPECT_NO_LEAK(&pool) palloc(&pool, 9); return 0; }\n' >"$scratch/leaky.c"
  # shellcheck disable=SC2086
  (cd "$scratch" && "$CC" leaky.c $flags -Wl,-rpath,"$prefix/lib" -o leaky && ! ./leaky 2>said && grep -q 'leaky.c:2: leak: 1 more chunk' said)
}

runsInstalled() {
  "$prefix/bin/mema" run --pool 8M -- true 2>&1 | grep -q 'in a pool of 8.0 MiB'
}

# The pages and completions lie where man and the shells look; man finds a page by the directory of the program.
installsPages() {
  local file
  for file in man/man1/mema.1 man/man1/mema-run.1 man/man3/mema.3 bash-completion/completions/mema zsh/site-functions/_mema fish/vendor_completions.d/mema.fish; do
    [ -s "$prefix/share/$file" ] || { echo "no $file"; return 1; }
  done
  command -v man >/dev/null || return 0
  PATH=$prefix/bin:$PATH man -w mema-run | grep -q "^$prefix/share/man/man1/mema-run.1$" &&
    PATH=$prefix/bin:$PATH man -w mema_moveChunk | grep -q "^$prefix/share/man/man3/mema-families.3$"
}

leavesNothing() {
  make -s BUILD="$BUILD" PREFIX="$prefix" uninstall || return 1
  find "$prefix" ! -type d
  [ -z "$(find "$prefix" ! -type d)" ]
}

# Nothing is installed where mema.pc could not tell of it.
refusesPrefix() { # PREFIX WHY
  local said
  said=$(make -s BUILD="$BUILD" CC="$CC" PREFIX="$1" install 2>&1) && return 1
  printf '%s\n' "$said"
  grep -q "^make install: $2" <<<"$said" && [ ! -e "$scratch/odd" ] && [ ! -e odd ]
}

check 'the README has the figures of docs/measurements.md' showsTheLatestRun
check 'the README shows what examples/resident.c measures' showsWhatIsResident
check 'the README shows examples/first.c' shownIsShipped
check 'make install refuses a prefix with a space' refusesPrefix "$scratch/odd place" 'no directory with a space'
check 'make install refuses a relative prefix' refusesPrefix odd/place 'not an absolute path'
need 'make install' make -s BUILD="$BUILD" CC="$CC" PREFIX="$prefix" install
if command -v pkg-config >/dev/null; then
  check 'the README example, built by pkg-config, prints what the README says' printsWhatItSays
  check 'examples/arena.c works as expected' arenaExample
  check 'a test program with the installed mema_test.h fails where it leaks' testHeader
  case $(uname -m) in
    x86_64 | aarch64) check 'a program without a C library, built by pkg-config, runs' freestandingProgram ;;
    *) skip 'a program without a C library' 'neither x86-64 nor aarch64' ;;
  esac
else
  skip 'the README example, built by pkg-config' 'pkg-config is not installed'
fi
check 'the installed mema finds its library' runsInstalled
check 'manual pages and completions are installed' installsPages
check 'make uninstall leaves nothing' leavesNothing
finish
