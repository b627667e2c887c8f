#!/usr/bin/env bash
# A new user on a new system: a minimal Debian that has gcc and make alone, a clone, and the README. Each of its blocks for the shell is
# run as it stands, in order, by an ordinary user with sudo. The programs that a block names are installed before, and no others.
# It needs root and the registry of Debian's packages, and takes five to ten minutes: make test-new-user.
. "$(dirname "$0")/checks.sh"
. tests/blocks.sh
. tests/newSystem.sh
blocks=$scratch/blocks root=$scratch/system
mkdir -p "$blocks"

# The clone has the tracked files, as they are now. apt asks no questions.
makesClone() {
  echo 'APT::Get::Assume-Yes "true";' >"$root/etc/apt/apt.conf.d/yes"
  inside 'apt-get update -q >/dev/null; useradd --create-home --shell /bin/bash user; echo "user ALL=(ALL) NOPASSWD: ALL" >/etc/user.sudo' || return
  copyTo "$root/home/user/mema" && cp examples/first.c "$root/home/user/mema/program.c" && inside 'chown -R user:user /home/user'
}

gets() { # PACKAGE…
  inside "DEBIAN_FRONTEND=noninteractive apt-get install -q --no-install-recommends $*
    mkdir -p /etc/sudoers.d; cp /etc/user.sudo /etc/sudoers.d/user"
}

# Lines of the user, in the clone. What they print goes to a file. debian.sh runs the tests of the packages.
types() { # LINES
  printf '%s\n' "$1" >"$root/home/user/lines"
  inside 'su user -c "cd; cd mema; HOME=/home/user PATH=/usr/local/bin:/usr/bin:/bin COLUMNS=80 MAKEFLAGS=s DEB_BUILD_OPTIONS=nocheck sh -eu ../lines"' >"$scratch/printed" 2>&1 </dev/null
}

# The lines of a block end well, or with `fails` the last one fails, and print the text below the block.
does() { # BLOCK STATUS
  local status=0
  types "$(cat "$1")" || status=1
  [ "$status" -eq "$2" ] && { [ ! -f "$1.text" ] || hasText "$1.text" "$scratch/printed"; } && return
  echo "status $status"
  cat "$scratch/printed"
  return 1
}

# The block whose first line has these words.
blockWith() { # WORDS
  grep -lF -- "$1" "$blocks"/[0-9][0-9][0-9] | head -1
}

tries() { # NAME WORDS [fails]
  local block
  block=$(blockWith "$2")
  [ -n "$block" ] || { check "the README has the block: $1" false; return; }
  check "$1" does "$block" "$([ "${3:-}" = fails ] && echo 1 || echo 0)"
}

says() { # LINES
  types "$1" || { cat "$scratch/printed"; return 1; }
}

findsPages() {
  says 'man -w mema-run; man -w palloc; man mema | grep "^SYNOPSIS"; mema --help | grep torture'
}

canBeMade || finish
split README.md
need 'debootstrap makes a system with gcc and make' newSystem gcc,libc6-dev,make
need 'a clone' makesClone
tries 'the first pool' 'gcc examples/first.c'
tries 'a program in a budget' 'mema run --pool 1M -- perl' fails
tries 'how much is resident' 'examples/resident.c'
need 'an administrator adds sudo and man' gets sudo man-db
tries 'build, show and install' 'sudo make install'
check 'the program that was built runs' says './a.out'
check 'the loader, man and the shell find the installed files' findsPages
check 'each file in the clone belongs to the user' says '! find . ! -user user | grep .'
need 'an administrator adds pkg-config' gets pkgconf
tries 'in another directory' 'PREFIX="$HOME/.local"'
check 'the program that was built with it runs' says './a.out; "$HOME/.local/bin/mema" run -- true'
inside 'cd /home/user/mema; make -s uninstall; make -s clean'
need 'an administrator adds cmake and meson' gets cmake meson ninja-build
tries 'CMake and Meson' 'cmake -B build/cmake'
check 'the loader, man and the shell find the files that they installed' findsPages
check 'a program is built with these' says 'gcc program.c $(pkg-config --cflags --libs mema) && ./a.out'
inside 'cd /usr/local && find . ! -type d -delete'
tries 'Debian packages' 'dpkg-buildpackage'
check 'a program is built with the packages' says 'gcc program.c -lmema && ./a.out; ldd a.out | grep " /lib.*libmema.so.0\| /usr/lib.*libmema.so.0"'
check 'the loader, man and the shell find the files of the packages' findsPages
finish
