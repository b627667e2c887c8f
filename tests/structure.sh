#!/usr/bin/env bash
# The rooms of src/ have one direction: base, memory, heap, then pool beside threads, then report and api. This reads the symbols of the
# object files and the includes of the sources, and fails on any reference that runs against the direction, and on any circle between
# files of different rooms. The files of preload/, record/, exec/, trace/, cli/ and bench/ have no circle at all. It also holds the sizes
# that CONTRIBUTING.md states.
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
: "${BUILD:=build}" "${CC:=gcc}"
objects=$BUILD/obj

levels='
  function level(room) {
    if (room == "base") return 0
    if (room == "memory") return 1
    if (room == "heap") return 2
    if (room == "pool" || room == "threads") return 3
    return room == "report" || room == "api" || room == "freestanding" ? 4 : -1
  }
  function roomOf(file) { sub(/\/.*/, "", file); return file }
'

# Lines "FROM TO SYMBOL" below a directory of objects: file FROM refers to a symbol that file TO defines.
references() { # DIRECTORY
  local directory=$1 object
  find "$directory" -name '*.o' | sort | while read -r object; do
    nm "$object" | awk -v file="${object#"$directory"/}" '
      { sub(/\.o$/, "", file) }
      NF == 2 && $1 == "U" { print "U", file, $2 }
      NF == 3 && $2 ~ /^[A-TV-Z]$/ { print "D", file, $3 }'
  done | awk '
    $1 == "D" { definer[$3] = $2 }
    $1 == "U" { from[++count] = $2; symbol[count] = $3 }
    END {
      for (i = 1; i <= count; i++)
        if (symbol[i] in definer && definer[symbol[i]] != from[i]) print from[i], definer[symbol[i]], symbol[i]
    }'
}

# Lines "FROM TO FILE" for the includes between files of a directory, without their suffixes.
includes() { # DIRECTORY
  local file
  find "$1" -name '*.[ch]' | sort | while read -r file; do
    sed -n 's/^#include "\(.*\)"$/\1/p' "$file" | while read -r name; do
      echo "$file $(realpath -m --relative-to=. "$(dirname "$file")/$name")"
    done
  done | sed 's/\.[ch]\>//g' | awk -v room="$1/" '{ sub("^" room, "", $1); if (sub("^" room, "", $2)) print $1, $2, "include" }'
}

goesDown() { # reads lines "FROM TO WHAT"
  awk "$levels"'
    level(roomOf($1)) < 0 || level(roomOf($2)) < 0 { print "no room: " $0; bad = 1 }
    roomOf($1) != roomOf($2) && level(roomOf($1)) <= level(roomOf($2)) && !(level(roomOf($1)) == 3 && level(roomOf($2)) == 3) {
      print $1 " refers upwards to " $2 ": " $3; bad = 1
    }
    END { exit bad || NR == 0 }'
}

# Files that refer to each other in a circle; `across`: only where they are of different rooms.
hasNoCircle() { # [across], reads lines "FROM TO WHAT"
  awk -v across="${1:-}" "$levels"'
    { files[$1]; files[$2]; reach[$1, $2] }
    END {
      for (k in files) for (i in files) if ((i, k) in reach) for (j in files) if ((k, j) in reach) reach[i, j]
      for (i in files) for (j in files) {
        if (i >= j || !((i, j) in reach) || !((j, i) in reach)) continue
        if (across != "" && roomOf(i) == roomOf(j)) continue
        print "a circle: " i " and " j; bad = 1
      }
      exit bad || NR == 0
    }'
}

symbolsGoDown() { references "$objects/src" | goesDown; }
includesGoDown() { includes src | goesDown; }
roomsHaveNoCircle() { references "$objects/src" | hasNoCircle across; }

# By their symbols and their includes: a file that includes a header counts as one that refers to the file of that name.
roomHasNoCircle() { # DIRECTORY [OBJECTS]
  { references "${2:-$objects/$1}"; includes "$1"; } | hasNoCircle
}

# The benchmark is built in one go, where it is asked for; here its files are compiled one by one, for their symbols.
benchHasNoCircle() {
  local file
  mkdir -p "$scratch/bench"
  for file in bench/*.c; do
    $CC -std=c11 -Iinclude -O0 -c -o "$scratch/bench/$(basename "$file" .c).o" "$file" || return
  done
  roomHasNoCircle bench "$scratch/bench"
}

# A pool in a buffer of the caller's sees no operating system: no source of libmema-fixed.a includes a header of src/memory, however deep.
fixedSeesNoSystem() {
  local file sources seen
  # shellcheck disable=SC2016 # make expands it
  sources=$(make -s --eval='fixedSources: ; @echo $(fixedSources)' fixedSources) || return
  [ -n "$sources" ] || return
  seen=$(for file in $sources; do $CC -std=c11 -Iinclude -MM "$file"; done | tr -d '\\' | tr ' ' '\n' | grep '\.h$' |
    xargs realpath -m --relative-to=. | grep '^src/memory/' | sort -u)
  [ -z "$seen" ] || { echo "a fixed pool includes $seen"; false; }
}

# Tests of the interface see the interface alone.
testsSeeTheInterface() {
  ! grep -nE '^#include "(\.\./)+(src|preload|record|exec)/' tests/unit/* tests/threads/* tests/misuse/* tests/model/*.[ch] tests/model/family/* tests/support/*
}

# Above the heaps, the door and the common paths alone know an engine; all other code asks the heap by its row of operations.
noEngineIsNamed() {
  ! grep -rnE '(mema_|MEMA_|mema_mode)(arena|ARENA|Arena|fixed|FIXED|Fixed)|mema_is(Arena|Fixed)' --include='*.[ch]' src |
    grep -vE '^src/(heap|base|freestanding)/|^src/api/(chunk|repalloc)\.c|^src/pool/(fixedChunk\.[ch]|identity\.h|pool\.h)'
}

# Lines "LENGTH FILE:LINE" for the functions of the library.
functionLengths() {
  local file
  find src -name '*.[ch]' | sort | while read -r file; do
    awk -v file="$file" '
      /^[A-Za-z].*\) \{$/ && !/^(struct|enum|union|typedef)/ { start = NR }
      /^}/ && start { print NR - start + 1, file ":" start; start = 0 }' "$file"
  done
}

# The points where the C library cancels a thread (POSIX.1-2017, and the calls of Linux beside them). A thread that is cancelled with a
# pool's lock taken keeps it for ever, and malloc, free and mmap are no such points. The libraries ask the kernel instead (syscall).
cancellationPoints='accept|accept4|aio_suspend|clock_nanosleep|close|connect|creat(64)?|epoll_p?wait2?|fallocate(64)?|fcntl(64)?|fdatasync|fsync
lockf(64)?|mq_(timed)?(receive|send)|msgrcv|msgsnd|msync|nanosleep|open(64)?|openat(64)?|pause|poll|ppoll|pread(64)?|preadv2?(64)?|pselect
pthread_cond_(timed|clock)?wait|pthread_(timed|clock)?join(_np)?|pthread_testcancel|pwrite(64)?|pwritev2?(64)?|read|readv|recv|recvfrom|recvm?msg
select|sem_(timed|clock)?wait|send|sendm?msg|sendto|sigpause|sigsuspend|sigtimedwait|sigwait|sigwaitinfo|sleep|splice|sync_file_range|system
tcdrain|tee|usleep|vmsplice|wait|wait3|wait4|waitid|waitpid|write|writev|getrandom
f(re)?open(64)?|fclose|fflush|fgets|fputs|fread|fwrite|v?f?printf|v?dprintf|puts|syslog|getpw.*|getgr.*|getaddrinfo|opendir|readdir(64)?|popen|dlopen'
# exec/start prints its one line with cancellation disabled. malloc_info and mema_writeToFile write to a stream of their caller, with no lock
# taken; malloc_info is a cancellation point in any C library. preload/points loads the unwinder before the process has a thread that others can cancel.
mayBeCancelled='preload/points dlopen|exec/start writev|exec/start sigtimedwait|preload/heapInfo fwrite|src/report/toFile fwrite'

cancelsNowhere() {
  local object points
  points=$(paste -sd '|' <<<"$cancellationPoints")
  for object in "$objects"/{src,preload,exec,record}/*.o "$objects"/src/*/*.o "$objects"/src/*/*/*.o; do
    [ -e "$object" ] || continue
    nm -u "$object" | awk -v file="${object#"$objects"/}" '{ sub(/\.o$/, "", file); print file, $2 }'
  done | sort -u >"$scratch/undefined"
  [ "$(wc -l <"$scratch/undefined")" -gt 100 ] && ! grep -E " ($points)\$" "$scratch/undefined" | grep -vxE "$mayBeCancelled"
}

filesAreShort() {
  find src preload record exec cli trace bench tests -name '*.[ch]' -print0 | xargs -0 wc -l | awk '$2 != "total" && $1 > 800 { print; bad = 1 } END { exit bad }'
}
functionsAreShort() { functionLengths | awk '$1 > 60 { print; bad = 1 } END { exit bad || NR == 0 }'; }
medianIsBelow10() { functionLengths | sort -n | awk '{ length_[NR] = $1 } END { print "median " length_[int((NR + 1) / 2)]; exit !(NR && length_[int((NR + 1) / 2)] < 10) }'; }

check 'no symbol of src/ is referred to from below its room' symbolsGoDown
check 'no header of src/ is included from below its room' includesGoDown
check 'no files of different rooms refer to each other in a circle' roomsHaveNoCircle
for room in preload record exec trace cli; do check "no files of $room/ refer to each other in a circle" roomHasNoCircle "$room"; done
check 'no files of bench/ refer to each other in a circle' benchHasNoCircle
check 'no code above the heaps names an engine, but the door and the common paths' noEngineIsNamed
check 'a heap in a buffer includes nothing of the operating system' fixedSeesNoSystem
check 'only tests/internal/ looks inside the library' testsSeeTheInterface
check 'no function of a library is a point where a thread is cancelled' cancelsNowhere
check 'no file has more than 800 lines' filesAreShort
check 'no function has more than 60 lines' functionsAreShort
check 'the median function has fewer than 10 lines' medianIsBelow10
finish
