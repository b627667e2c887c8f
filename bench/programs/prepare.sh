#!/usr/bin/env bash
# prepare.sh DIRECTORY - makes the input of the whole programs there, the same each time: a C source, scripts, a git repository,
# lines of text. What cannot be made is left out, and the benchmark leaves out its rows.
source=$(cd "$(dirname "$0")/.." && pwd)
cd "$1" || exit 1
generate() { # WHAT FILE
  perl "$source/programs/generate.pl" "$1" >"$2.new" && mv "$2.new" "$2"
}

# The work of the recorded programs, on more data; none where the numbers to be changed were not found.
enlarge() { # SCRIPT FILE
  sed "$1" "$source/traces/$2" >"$2"
  ! cmp -s "$source/traces/$2" "$2" || rm "$2"
}
enlarge 's/20000/60000/; s/20011/60013/' work.sql
enlarge 's/\.\. 8000)/.. 120000)/' work.pl
enlarge 's/range(1500)/range(40000)/' work.py

# The server is its own checking program, by the name it is called (in Debian's redis-tools).
redis=$(command -v redis-server || command -v redis-check-rdb) && ln -sf "$redis" redis-server

# Made anew where the recipe is younger.
[ functions.c -nt "$source/programs/generate.pl" ] || generate source functions.c
[ lines.txt -nt "$source/programs/generate.pl" ] || generate lines lines.txt
if command -v git >/dev/null && ! [ history.git/HEAD -nt "$source/programs/generate.pl" ]; then
  rm -rf history.git history.new
  generate history history.stream
  GIT_CONFIG_NOSYSTEM=1 HOME=. git init -q --bare -b main history.new &&
    git --git-dir=history.new fast-import --quiet <history.stream && mv history.new history.git && touch history.git/HEAD
  rm -f history.stream
fi
exit 0
