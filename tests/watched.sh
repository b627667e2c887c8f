#!/usr/bin/env bash
# The address sanitizer and memcheck see the chunks of every kind of pool: each mistake of tests/checkers/watched.c is reported, and
# nothing else is. With --all memcheck makes all mistakes, and so does the address sanitizer with a library that was built with it.
. "$(dirname "$0")/checks.sh"
whole=false
[ "${1:-}" = --all ] && whole=true

compile() { # COMPILER PROGRAM FLAGS…
  "$1" -std=c11 -g -O1 -Wall -Wextra -Werror -Iinclude tests/checkers/watched.c "${@:3}" -pthread -o "$scratch/$2"
}

has() { # COMPILER: whether the address sanitizer is there, and runs on this system
  echo 'int main(void) { return 0; }' >"$scratch/empty.c"
  "$1" -fsanitize=address "$scratch/empty.c" -o "$scratch/empty" 2>/dev/null && "$scratch/empty" 2>/dev/null
}

# The status is 77 if the sanitizer has reported something. Names of functions take most of its time.
underAsan() { # PROGRAM KIND FAULT
  ASAN_OPTIONS=exitcode=77:symbolize=0 LD_LIBRARY_PATH=$BUILD guarded "$scratch/$1" "$2" "$3" >"$scratch/report" 2>&1
}

# The status is 77 if memcheck has reported something, or a chunk was lost.
underMemcheck() { # PROGRAM KIND FAULT
  guarded valgrind -q --error-exitcode=77 --leak-check=full "$scratch/$1" "$2" "$3" >"$scratch/report" 2>&1
}

wanted() { # CHECKER FAULT
  case $1:$2 in *:none | *:live | underAsan:undefined*) echo 0 ;; *) echo 77 ;; esac
}

reports() { # CHECKER PROGRAM KIND FAULT…
  local fault status wrong=0
  for fault in "${@:4}"; do
    "$1" "$2" "$3" "$fault"
    status=$?
    [ $status -eq "$(wanted "$1" "$fault")" ] && continue
    echo "$3 $fault: status $status"
    head -12 "$scratch/report"
    wrong=1
  done
  return $wrong
}

matrix() { # NAME CHECKER PROGRAM
  local kind
  # shellcheck disable=SC2046
  for kind in $("$scratch/$3"); do check "$1: $kind" reports "$2" "$3" "$kind" $("$scratch/$3" "$kind"); done
}

# A report that has all these texts.
tells() { # PROGRAM KIND FAULT TEXT…
  local text
  ASAN_OPTIONS=exitcode=77:fast_unwind_on_malloc=0 guarded "$scratch/$1" "$2" "$3" >"$scratch/report" 2>&1
  [ $? -eq 77 ] || return 1
  cat "$scratch/report"
  for text in "${@:4}"; do grep -q "$text" "$scratch/report" || return 1; done
}

memcheckTells() { # KIND FAULT TEXT…
  local text
  reports underMemcheck plainly "$1" "$2" || return 1
  cat "$scratch/report"
  for text in "${@:3}"; do grep -q "$text" "$scratch/report" || return 1; done
}

environment() { # PROGRAM: what the variables ask for
  MEMA_WATCH=0 underAsan "$1" slab over || return 1
  MEMA_PLAIN=1 tells "$1" slab over heap-buffer-overflow 'in takeFilled' || return 1
  MEMA_LEAKS=1 tells "$1" arena live 'Direct leak of .* object' 'in takeFilled' || return 1
  MEMA_PLAIN=0 MEMA_LEAKS= underAsan "$1" arena live
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
for compiler in gcc clang; do
  if ! has $compiler; then
    skip "$compiler, address sanitizer" 'it is not there'
    continue
  fi
  need "$compiler: compiles" compile $compiler $compiler -fsanitize=address "$BUILD/libmema.a"
  if [ $compiler = "$CC" ] || $whole; then matrix $compiler underAsan $compiler; fi
  check "$compiler: the variables of the environment" environment $compiler
  check "$compiler: a leak has the stack of its allocation" tells $compiler fixed leak 'Direct leak of .* object' 'in take' 'in leak'
  check "$compiler: plain chunks have the stack of their end" tells $compiler plain freed 'freed by thread' 'in freed'
  need "$compiler, libmema.so: compiles" compile $compiler shared$compiler -fsanitize=address "-L$BUILD" -lmema
  check "$compiler, libmema.so" reports underAsan shared$compiler arena none over freed leak
done
if $whole && has "$CC"; then
  need 'a library with the sanitizer' instrumentedLibrary
  need 'that library: compiles' compile "$CC" whole -fsanitize=address "$scratch/instrumented/libmema.a"
  matrix 'that library' underAsan whole
fi
if command -v valgrind >/dev/null; then
  need 'without a sanitizer: compiles' compile "$CC" plainly "$BUILD/libmema.a"
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
