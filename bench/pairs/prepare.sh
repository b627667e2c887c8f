#!/usr/bin/env bash
# prepare.sh DIRECTORY PROGRAM PRELOAD - links tests/programs/mallocPairs there as `play`, and writes the file `instructions`: a line
# "LIBRARY PATTERN INSTRUCTIONS" for each allocator and pattern, the instructions of a pair of malloc and free. Callgrind counts all that
# lie outside of the program, so those of the C library belong to a pair too. The figures of mema repeat exactly. Without valgrind there are none.
program=$(realpath "$2") preload=$(realpath "$3")
reader=$(<"$(dirname "$0")/../../tests/support/callgrind.awk") || exit 1
cd "$1" || exit 1
ln -sf "$program" play
: >instructions
command -v valgrind >/dev/null || exit 0

outside() { # PAIRS
  awk -v pairs="$1" "$reader"'
    /^cob=/ { nameOf($0) }
    /^ob=/ { ours = nameOf($0) !~ /\/mallocPairs$/ }
    /^calls=/ { getline; next }
    /^[0-9+*-]/ { if (ours) sum += $2 }
    END { if (pairs > 0) printf "%.2f\n", sum / pairs }
  ' parts
}

count() { # LIBRARY PATTERN STEPS
  LD_PRELOAD=${1#glibc} timeout 300 valgrind --tool=callgrind --callgrind-out-file=parts --collect-atstart=no \
    --toggle-collect=measuredStep "$program" "$2" "$3" --by-turns 2>/dev/null >pairs || return
  echo "${1##*/} $2 $(outside "$(sed 's/.* //' pairs)")" >>instructions
}

for library in glibc libmimalloc.so.2 libjemalloc.so.2 libtcmalloc_minimal.so.4 "$preload"; do
  ldconfig=$(PATH=$PATH:/sbin:/usr/sbin command -v ldconfig || echo ldconfig)
  case $library in lib*) "$ldconfig" -p | grep -q "[[:space:]]$library " || continue ;; esac
  count "$library" few 40
  count "$library" bursts 20
  count "$library" burstsOfTwo 10
  count "$library" lives 40
  count "$library" passed 40
  count "$library" served 20
done
rm -f parts pairs
exit 0
