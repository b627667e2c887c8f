#!/usr/bin/env bash
# The address sanitizer and memcheck see the chunks of every kind of pool: each mistake of tests/checkers/watched.c is reported, and
# nothing else is. With --all memcheck makes all mistakes, and so does the address sanitizer with a library that was built with it.
. "$(dirname "$0")/checks.sh"
whole=false
[ "${1:-}" = --all ] && whole=true

compile() { # COMPILER OBJECT FLAGS…
  "$1" -std=c11 -g -O1 -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -c tests/checkers/watched.c "${@:3}" -o "$scratch/$2.o"
}

link() { # COMPILER OBJECT PROGRAM FLAGS…
  "$1" "$scratch/$2.o" "${@:4}" -pthread -o "$scratch/$3"
}

build() { # COMPILER PROGRAM FLAGS…
  compile "$1" "$2" "${@:3}" && link "$1" "$2" "$2" "${@:3}" "$BUILD/libmema.a"
}

has() { # COMPILER: whether the address sanitizer is there, and runs on this system
  echo 'int main(void) { return 0; }' >"$scratch/empty.c"
  "$1" -fsanitize=address "$scratch/empty.c" -o "$scratch/empty" 2>/dev/null && "$scratch/empty" 2>/dev/null
}

# Where the reports of a program and a kind of pool are, one for each process.
reportsOf() { # PROGRAM KIND
  echo "$scratch/$1.$2"
}

# Each checker runs one program, which has a process for each mistake. Their reports end in `.` and the number of the process. A process has
# the status 77 if a checker has reported something, or a chunk was lost. Names of functions take most of the sanitizer's time.
underAsan() { # PREFIX OF REPORTS, COMMAND…
  ASAN_OPTIONS=exitcode=77:symbolize=0:log_path=$1 LD_LIBRARY_PATH=$BUILD guarded "${@:2}"
}

underMemcheck() { # PREFIX OF REPORTS, COMMAND…
  guarded valgrind -q --error-exitcode=77 --leak-check=full --log-file="$1.%p" "${@:2}"
}

mistakes() { # CHECKER PROGRAM KIND
  local directory
  directory=$(reportsOf "$2" "$3")
  mkdir -p "$directory"
  "$1" "$directory/report" "$scratch/$2" each "$3" >"$directory/list" 2>"$directory/errors"
}

tells() { # REPORT PATTERN…: each is in a line of its own
  local pattern
  for pattern in "${@:2}"; do grep -qE "$pattern" "$1" || return 1; done
}

# The stacks that begin in the program, or in a thread of it.
stacks() { # REPORT
  grep -cE ': (main|pfreeThere) \(watched\.c' "$1"
}

# memcheck tells the access, where its address lies, and the stacks of the chunk's allocation and of its end.
toldByMemcheck() { # REPORT WAY ACCESS PLACE
  local block="client-defined" behind='0 bytes after|16 bytes before' place= # the next chunk is sixteen bytes away
  [ "$2" = inPlace ] || block="alloc'd" behind='0 bytes after|[0-9]+ bytes inside' # an untracked chunk's block is longer
  case $3 in
    branch) tells "$1" 'depends on uninitialised value' && return ;;
    leak) tells "$1" ' in [1-9] blocks are definitely lost' && [ "$(stacks "$1")" -ge 1 ] && return ;;
  esac
  case $4 in
    behind) place="is ($behind) a block of size [0-9,]* $block" ;;
    before | edge) place="is 1 bytes before a block of size [0-9,]* $block" ;;
    freed) place="bytes inside a block of size [0-9,]* free'd" ;;
    ended) tells "$1" "Invalid $3 of size 1" && return ;; # memcheck has forgotten the chunks of the pool, unless they are plain
  esac
  [ -n "$place" ] && tells "$1" "Invalid $3 of size 1" "$place" && [ "$(stacks "$1")" -ge $((2 + (${#4} == 5))) ]
}

toldByAsan() { # REPORT WAY ACCESS PLACE
  local kind='use-after-poison|SEGV'
  case $2:$4 in
    inPlace:freed | inPlace:behind | inPlace:before) kind=use-after-poison ;;
    plain:behind) kind='heap-buffer-overflow|use-after-poison' ;; # the block of an untracked chunk is longer than the chunk
    plain:before) kind=heap-buffer-overflow ;;
    plain:freed | plain:ended) kind=heap-use-after-free ;;
  esac
  case $3 in
    leak) tells "$1" 'Direct leak of [0-9]+ byte\(s\) in [789] object' ;;
    *) tells "$1" "AddressSanitizer: ($kind)" "^(${3^^} of size 1 |.*caused by a ${3^^} )" '==ABORTING' && isDescribed "$@" ;;
  esac
}

# Behind the report of a chunk in place stands which chunk it is about. The sanitizer does not tell the address where a page faults.
isDescribed() { # REPORT WAY ACCESS PLACE
  local place
  ! grep -q 'AddressSanitizer: SEGV' "$1" || return 0
  case $2:$4 in
    inPlace:behind) place='0 bytes behind a chunk of [0-9]+ bytes? at' ;;
    inPlace:before | inPlace:edge) place='1 byte before a chunk of (64|100) bytes at' ;;
    inPlace:freed) place='([0-9]+ bytes inside a freed chunk of 100 bytes at|in memory that no chunk has now)' ;;
    *) return 0 ;;
  esac
  tells "$1" "^mema: 0x[0-9a-f]+ is $place"
}

# A program that goes on after the report may touch memory that is gone, and end by signal 11.
isTold() { # CHECKER REPORT WAY ACCESS PLACE STATUS
  case $1:$4 in
    *:none | underAsan:branch) [ "$6" -eq 0 ] && [ ! -s "$2" ] && return ;;
    underAsan:*) [ "$6" -eq 77 ] && toldByAsan "${@:2:4}" && return ;;
    underMemcheck:*) case $6 in 77 | 139) toldByMemcheck "${@:2:4}" && return ;; esac ;;
  esac
  return 1
}

# Every mistake was made, and its report is the wanted one.
reports() { # CHECKER PROGRAM KIND [FAULT]
  local directory kind way fault access place process status wrong=0 lines=0
  directory=$(reportsOf "$2" "$3")
  [ -e "$directory" ] || mistakes "$1" "$2" "$3"
  cat "$directory/errors"
  while read -r kind way fault access place process status; do
    [ $# -lt 4 ] || [ "$fault" = "$4" ] || continue
    lines=$((lines + 1))
    isTold "$1" "$directory/report.$process" "$way" "$access" "$place" "$status" && continue
    echo "$kind $fault: $access $place $way: status $status"
    head -30 "$directory/report.$process"
    wrong=1
  done <"$directory/list"
  [ $wrong -eq 0 ] && [ $lines -ge $(($# < 4 ? 20 : 1)) ]
}

# The kinds that the default suite takes: each engine and each way of a chunk to lie in memory.
briefKinds='slab untracked arena untrackedArena fixed untrackedFixed fallback shared subPool sharedSubPool outside untrackedOutside quarantine tight lines
  plain plainUntracked plainSubPool plainHooked'

kindsOf() { # PROGRAM
  if $whole; then "$scratch/$1"; else echo "$briefKinds"; fi
}

# With --all, processors share the kinds.
matrix() { # NAME CHECKER PROGRAM
  local kind
  if $whole && [ -z "${ONLY:-}" ]; then
    for kind in $(kindsOf "$3"); do
      while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-$(nproc)}" ]; do wait -n; done
      mistakes "$2" "$3" "$kind" &
    done
    wait
  fi
  for kind in $(kindsOf "$3"); do check "$1: $kind" reports "$2" "$3" "$kind"; done
}

# One mistake, whose report has all these texts. It names functions, unless the variable `symbols` is 0.
asanTells() { # PROGRAM KIND FAULT TEXT…
  ASAN_OPTIONS=exitcode=77:fast_unwind_on_malloc=0:symbolize=${symbols:-1} LD_LIBRARY_PATH=$BUILD guarded "$scratch/$1" "$2" "$3" >"$scratch/report" 2>&1
  [ $? -eq 77 ] || return 1
  cat "$scratch/report"
  tells "$scratch/report" "${@:4}"
}

memcheckTells() { # KIND FAULT TEXT…
  rm -f "$scratch"/one.*
  underMemcheck "$scratch/one" "$scratch/plainly" "$1" "$2"
  [ $? -eq 77 ] || return 1
  cat "$scratch"/one.* | tee "$scratch/report"
  tells "$scratch/report" "${@:3}"
}

silent() { # PROGRAM KIND FAULT
  ASAN_OPTIONS=exitcode=77:symbolize=0 guarded "$scratch/$1" "$2" "$3" >"$scratch/report" 2>&1
}

environment() { # PROGRAM: what the variables ask for
  MEMA_WATCH=0 silent "$1" slab over || return 1
  MEMA_PLAIN=1 asanTells "$1" slab over heap-buffer-overflow 'in takeFilled' || return 1
  MEMA_LEAKS=1 asanTells "$1" arena live 'Direct leak of .* object' 'in takeFilled' || return 1
  MEMA_PLAIN=0 MEMA_LEAKS= silent "$1" arena live
}

instrumentedLibrary() {
  make -s BUILD="$scratch/instrumented" CC="$CC" EXTRA=-fsanitize=address "$scratch/instrumented/libmema.a"
}

# The models hold where each chunk is a malloc of its own: the budget, the refusals, the chain and the contents are as always.
plainModel() { # PROGRAM LENGTH
  MEMA_PLAIN=1 guarded "$BUILD/tests/model/$1" "$2"
}

check 'plain chunks: exhaustive' plainModel exhaustive 3
check 'plain chunks: random' plainModel random 1000
check 'plain chunks: family' plainModel family 300
check 'plain chunks: programs' env -u ONLY bash tests/plain.sh unit/free unit/fixed unit/chain unit/subPools misuse/freeInterior8 misuse/doubleFreeLarge
for compiler in gcc clang; do
  if ! has $compiler; then
    skip "$compiler, address sanitizer" 'it is not there'
    continue
  fi
  need "$compiler: compiles" build $compiler $compiler -fsanitize=address
  if [ $compiler = "$CC" ] || $whole; then matrix $compiler underAsan $compiler; fi
  check "$compiler: the variables of the environment" environment $compiler
  check "$compiler: a leak has the stack of its allocation" asanTells $compiler fixed leak 'Direct leak of .* object' 'in take' 'in leak'
  symbols=0 check "$compiler: a chunk in place has the line of its allocation" asanTells $compiler lines over 'use-after-poison' \
    'is 0 bytes behind a chunk of 100 bytes at 0x[0-9a-f]*, allocated in take \(.*watched.c:[0-9]+\)[.] Pool: books, memory at 0x'
  symbols=0 check "$compiler: a freed chunk has the line of its allocation" asanTells $compiler stacks freed 'use-after-poison' \
    'is 0 bytes inside a freed chunk of 100 bytes at 0x[0-9a-f]*, allocated in take \(.*watched.c:[0-9]+\)[.] Pool: memory at 0x'
  check "$compiler: plain chunks have the stack of their end" asanTells $compiler plain freed 'freed by thread' 'in freed'
  need "$compiler, libmema.so: links" link $compiler $compiler shared$compiler -fsanitize=address "-L$BUILD" -lmema
  check "$compiler, libmema.so" reports underAsan shared$compiler arena
done
if $whole && has "$CC"; then
  need 'a library with the sanitizer' instrumentedLibrary
  need 'that library: links' link "$CC" "$CC" whole -fsanitize=address "$scratch/instrumented/libmema.a"
  matrix 'that library' underAsan whole
fi
if command -v valgrind >/dev/null; then
  need 'without a sanitizer: compiles' build "$CC" plainly
  if $whole; then matrix memcheck underMemcheck plainly; fi
  check 'memcheck: no mistake' reports underMemcheck plainly untracked none
  check 'memcheck: beyond a chunk' memcheckTells slab over '0 bytes after a block of size 100 client-defined' 'by .*: takeFilled'
  check 'memcheck: undefined bytes' memcheckTells untrackedArena undefinedAgain 'depends on uninitialised value'
  check 'memcheck: a freed chunk' memcheckTells subPool moved '0 bytes inside a block of size 100' 'by .*: moved'
  check 'memcheck: a leak' memcheckTells shared leak 'in [78] blocks are definitely lost' 'by .*: leak'
else
  skip 'memcheck' 'valgrind is missing'
fi
finish
