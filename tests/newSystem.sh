# newSystem.sh - a new, minimal Debian in the directory `root`, and shell scripts that run there. debian.sh and newUser.sh source it.

# Says what is missing.
canBeMade() {
  if [ "$(id -u)" -ne 0 ] || ! unshare --mount --pid --fork true 2>/dev/null; then
    skip 'a new system' 'it needs root and namespaces'
    return 1
  elif ! command -v debootstrap >/dev/null; then
    skip 'a new system' 'debootstrap is not installed'
    return 1
  fi
}

# A copy of the tracked files, as they are now.
copyTo() { # DIRECTORY
  mkdir -p "$1" && git ls-files -z | xargs -0 cp -P --parents -t "$1"
}

# Runs a shell script on the new system, in /root, with /proc of its own.
inside() { # SCRIPT
  unshare --mount --pid --fork --root="$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root sh -ec "mount -t proc proc /proc; cd; $1"
}

newSystem() { # PACKAGE,…
  local suite
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck disable=SC2046 # without a mirror debootstrap takes its own
  debootstrap --variant=minbase --include="$1" "$suite" "$root" $(mirror)
}

# The mirror that this system uses itself.
mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -m 1 'debian$' || :
}
