#!/usr/bin/env bash
# The Debian packages: built twice, in directories of different names, they are equal; lintian has no error and no warning; on a new, minimal
# Debian they are installed, used and purged. It needs root and the registry of Debian's packages, and takes five to nine minutes.
. "$(dirname "$0")/checks.sh"
. tests/newSystem.sh
root=$scratch/debian

# The packages that this test needs, as tests/setup.sh installs those of the suite.
install() {
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debhelper lintian debootstrap libcmocka-dev libzstd-dev pkgconf >/dev/null
}

hasTools() {
  command -v dh && command -v lintian && command -v debootstrap && dpkg-checkbuilddeps
}

# dpkg-buildpackage itself is a test, with that of the interface, in the first build.
built() { # DIRECTORY OPTIONS
  (unset BUILD CC && cd "$1" && DEB_BUILD_OPTIONS="parallel=${JOBS:-$(nproc)} $2" dpkg-buildpackage -us -uc -b) >"$scratch/log" 2>&1 && return
  tail -30 "$scratch/log"
  return 1
}

buildsAgain() {
  copyTo "$scratch/second/a-longer-name/mema" && (umask 002 && export TZ=Asia/Tokyo LC_ALL=C.UTF-8 && built "$scratch/second/a-longer-name/mema" nocheck)
}

hasPackages() {
  (cd "$scratch/first" && ls libmema0_*.deb libmema-dev_*.deb mema-tools_*.deb libmema0-dbgsym_*.deb mema-tools-dbgsym_*.deb)
}

isReproducible() {
  (cd "$scratch/first" && sha256sum -- *.deb) >"$scratch/sums" && cat "$scratch/sums" && (cd "$scratch/second/a-longer-name" && sha256sum -c --quiet "$scratch/sums")
}

# The maintainer has no address yet (.invalid).
lintianIsSilent() {
  lintian --allow-root --fail-on error,warning "$scratch"/first/*.changes
}

installs() {
  mkdir -p "$root/debs" && cp "$scratch"/first/*.deb "$root/debs/" && cp examples/first.c examples/arena.c tests/freestanding/program.c "$root/root/" &&
    inside 'find / -xdev ! -path "/proc/*" ! -path "/debs*" ! -path "/var/*" ! -path "/root/*" ! -type d | sort >/root/before;
      apt-get install -q -y /debs/libmema0_*.deb /debs/libmema-dev_*.deb /debs/mema-tools_*.deb'
}

# The README's first program, shared and static.
buildsProgram() {
  inside 'gcc first.c $(pkg-config --cflags --libs mema) -o first; ./first >said; grep -q "65436 bytes are left" said
    ldd first | grep -q "libmema.so.0 => /"
    gcc first.c -l:libmema.a -pthread -o static; ./static | cmp - said'
}

buildsWithoutLibrary() {
  inside 'gcc -ffreestanding -nostdlib -static -fno-stack-protector program.c $(pkg-config --cflags --libs mema-fixed) -o alone; ./alone'
}

runsPrograms() {
  inside 'mema --version; mema run --pool 8M -- perl -e "print 1" 2>said; cat said; grep -q "perl .* in a pool of 8.0 MiB" said'
}

records() {
  inside 'mema record -o trace -- sort /etc/passwd >/dev/null; mema replay trace | grep mema'
}

# By name and by function, each page of both sections; man says on stderr what a page does not have.
showsPages() {
  inside 'man mema-run | grep -q "^SYNOPSIS"; man 3 palloc | grep -q mema_palloc; man mema_moveChunk | grep -q mema_moveChunk
    for page in $(dpkg -L libmema-dev mema-tools | grep "/man[13]/."); do test -e "$page"; man --warnings -l "$page" 2>&1 >/dev/null; done >said; cat said; test ! -s said'
}

# The shells find the completions by themselves, with the settings that Debian ships.
completes() {
  inside '
    test "$(bash -c ". /usr/share/bash-completion/bash_completion; _completion_loader mema; complete -p mema")" = "complete -F _mema mema"
    test "$(zsh -fc "autoload -U compinit; compinit -D; echo \$_comps[mema]")" = _mema
    fish -c "complete -C \"mema tor\"" | grep -q "^torture"'
}

# A program may depend on libmema0 of this version, by dpkg-shlibdeps.
tellsDependency() {
  inside 'test "$(dpkg-query -W -f "\${Version}" libmema0)" = "$(cat /debs/version)"; grep -q "mema_palloc@MEMA_0 0.1.0" /var/lib/dpkg/info/libmema0:*.symbols'
}

purges() {
  inside 'apt-get purge -q -y libmema0 libmema-dev mema-tools; find / -xdev ! -path "/proc/*" ! -path "/debs*" ! -path "/var/*" ! -path "/root/*" ! -type d | sort >/root/after
    diff /root/before /root/after'
}

hasTools >/dev/null 2>&1 || install
if ! hasTools >"$scratch/lacks" 2>&1; then
  skip 'Debian packages' "their tools are not installed: $(paste -sd ' ' <"$scratch/lacks")"
  finish
fi
copyTo "$scratch/first/mema"
need 'dpkg-buildpackage builds them, and the unit and misuse suites pass' built "$scratch/first/mema" ''
check 'there are three packages, and two of debug symbols' hasPackages
check 'lintian finds no error and gives no warning' lintianIsSilent
check 'a second build in another directory' buildsAgain
check 'the two builds are equal' isReproducible
canBeMade || finish
need 'debootstrap makes a new system' newSystem gcc,libc6-dev,pkgconf,man-db,bash-completion,zsh,fish
need 'apt installs the packages there' installs
dpkg-parsechangelog -S Version >"$root/debs/version"
check "the README's first program, shared and static" buildsProgram
check 'a program without a C library' buildsWithoutLibrary
check 'mema run' runsPrograms
check 'mema record and mema replay' records
check 'manual pages render without a warning' showsPages
check 'bash, zsh and fish find their completions' completes
check 'the version, and that of the symbols' tellsDependency
check 'a purge leaves nothing' purges
finish
