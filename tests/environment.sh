# environment.sh - makes the results of a test script independent of the caller's environment. Every test script sources it, in the
# repository's directory. It is written for sh and bash.

# These variables keep their values: directories, tools, and settings of the suite itself. All others are unset: they would change make,
# git, the loader, the C library's heap, grep, getopt or mema.
kept=' PATH PWD HOME USER LOGNAME TERM TMPDIR LD_LIBRARY_PATH LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH COMPILER_PATH
 BUILD CC AR CFLAGS EXTRA TEST_CFLAGS ZSTD WRAP JOBS ONLY SEED PERCENT WHOLE SMOKE UNITY QUICKJS MEMA_TEST_SCALE MEMA_TEST_LIMIT ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS '
kept=$(echo $kept)
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=.*/\1/p'); do
  case " $kept " in
    *" $name "*) ;;
    *) unset "$name" 2>/dev/null || : ;; # bash refuses to unset SHELLOPTS
  esac
done
unset kept name
export LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
umask 022
ulimit -S -c 0

# Scratch files need an absolute directory that can be written to. mema loads no library from a path with a space or a colon.
case ${TMPDIR:-} in
  *[[:space:]:]*) unset TMPDIR ;;
  /*) [ -d "$TMPDIR" ] && [ -w "$TMPDIR" ] || unset TMPDIR ;;
  *) unset TMPDIR ;;
esac

: "${BUILD:=build}" "${CC:=gcc}"
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
export BUILD CC

# The time limit of every program in the tests, in seconds. It only ends programs that hang: the slowest program, under a sanitizer and on
# a machine with ten times as many busy processes as processors, took less than a tenth of it.
: "${MEMA_TEST_LIMIT:=7200}"
export MEMA_TEST_LIMIT

# guarded COMMAND...: runs a command under the time limit, with the default action for each signal. A caller such as nohup may ignore some.
if env --default-signal true 2>/dev/null; then
  guarded() { env --default-signal timeout -s KILL "$MEMA_TEST_LIMIT" "$@"; }
else
  guarded() { timeout -s KILL "$MEMA_TEST_LIMIT" "$@"; }
fi
