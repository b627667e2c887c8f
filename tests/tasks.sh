# tasks.sh - the names of all tasks, and the choice that ONLY makes among them. run.sh sources it.
#
# The name of a task is VARIANT/GROUP, or VARIANT/GROUP/PROGRAM where each program of the group is a task. A task may have parts: programs,
# sections or checks. ONLY names a part as TASK/PART. The build of each variant is a task, too.

# Each task has: a group, a directory, the make targets that it needs there, the number of processors that it keeps busy, the names of its
# parts ("*": only the task knows them), and a command, quoted.
names=() groups=() directories=() needs=() weights=() parts=() commands=()
declare -A compilerOf flagsOf testFlagsOf targetsOf buildOf

add() { # NAME GROUP DIRECTORY TARGETS WEIGHT PARTS COMMAND…
  local words=("${@:7}")
  names+=("$1") groups+=("$2") directories+=("$3") needs+=("$4") weights+=("$5") parts+=("$6") commands+=("${words[*]@Q}")
}

# Adds the build of a variant. It uses half of the processors; the others run tests of another variant meanwhile. A sanitizer makes
# compilers slow: the test programs are then optimized less, which saves half of their time, and so are clang's. The library has its
# usual flags.
variant() { # DIRECTORY COMPILER FLAGS TARGET…
  case $2$3 in *-fsanitize=* | clang) testFlagsOf[$1]='-O1 -g1' ;; *) testFlagsOf[$1]= ;; esac
  compilerOf[$1]=$2 flagsOf[$1]="-Werror $3" targetsOf[$1]=${*:4} buildOf[$1]=${#names[@]}
  add "$1/build" "$1/build" "$1" '' $(((JOBS + 1) / 2)) '' build "$1"
}

task() { # GROUP DIRECTORY TARGETS WEIGHT PARTS COMMAND…
  add "$1" "$@"
}

# The programs that take longest run in two variants, one with a sanitizer and one without. WHOLE=1 runs them in all, and ONLY any.
longest=(threads/signalSteps threads/forkSteps unit/sources unit/magazines unit/fragmentation unit/trim unit/manyPools unit/budget
  internal/idle)
isLeftOut() { # VARIANT/GROUP/PROGRAM
  [ -z "${WHOLE:-}${ONLY:-}" ] && [[ " gcc clang-sanitize " != *" ${1%%/*} "* && " ${longest[*]} " == *" ${1#*/} "* ]]
}

# Adds a task for each source file of a directory.
each() { # GROUP DIRECTORY SOURCES COMMAND…
  local file program
  for file in "$3"/*.c; do
    program=${file##*/} program=${program%.c}
    isLeftOut "$1/$program" && continue
    add "$1/$program" "$1" "$2" "${file%.c}" 1 '' "${@:4}" "$program"
  done
}

# Adds one task for all source files of a directory.
together() { # GROUP DIRECTORY SOURCES COMMAND…
  local targets=("$3"/*.c) programs
  targets=("${targets[@]%.c}")
  programs=("${targets[@]##*/}")
  add "$1" "$1" "$2" "${targets[*]}" 1 "${programs[*]}" "${@:4}"
}

# ---- the choice ---------------------------------------------------------------------------------------------------------------

asked=() part=() # by task: asked is set if it is to run; part is the one part to run

askFor() { # TASK [PART]: a second part of the same task becomes a task of its own
  local task=$1
  if [ -n "${2:-}" ] && [ -n "${asked[task]:-}" ]; then
    add "${names[task]}" "${groups[task]}" "${directories[task]}" "${needs[task]}" "${weights[task]}" "${parts[task]}"
    commands[-1]=${commands[task]}
    task=$((${#names[@]} - 1))
  fi
  asked[task]=1 part[task]=${2:-}
}

# Asks for the task if the name is its own, that of its group or variant, or that of one of its parts. Fails if it is none of these.
askIfNamed() { # TASK NAME
  local name=${names[$1]} rest
  if [[ $name == "$2" || $name == "$2"/* ]]; then
    askFor "$1"
  elif [[ $2 == "$name"/* ]]; then
    rest=${2#"$name/"}
    [[ ${parts[$1]} == '*' || " ${parts[$1]} " == *" $rest "* ]] && askFor "$1" "$rest"
  else
    return 1
  fi
}

# Asks for all tasks of a name. The variant may be left out: it is gcc.
askByName() { # NAME COUNT: of the tasks that existed before the choice
  local task count=$2 name found=1
  for name in "$1" "gcc/$1"; do
    for ((task = 0; task < count; task++)); do
      if askIfNamed "$task" "$name"; then found=0; fi
    done
    [ $found -ne 0 ] || return 0
  done
  return 1
}

# Prints the names that exist: those in the same group, or all groups.
refuse() { # NAME
  local task within=()
  for task in "${!names[@]}"; do
    if [[ $1 == "${groups[task]}"/* || gcc/$1 == "${groups[task]}"/* ]]; then
      # shellcheck disable=SC2206 # parts are words
      within+=(${names[task]#"${groups[task]}"} ${parts[task]})
    fi
  done
  {
    echo "There is no test named '$1'."
    if [ ${#within[@]} -gt 0 ]; then
      echo "In ${1%/*}: $(printf '%s\n' "${within[@]#/}" | sort -u | paste -sd ' ')"
    else
      echo "Variants: $(printf '%s\n' "${names[@]%%/*}" | awk '!seen[$0]++' | paste -sd ' ')"
      echo "Groups: $(printf '%s\n' "${groups[@]#*/}" | awk '!seen[$0]++' | paste -sd ' ')"
      echo 'ONLY names a group (with gcc), a variant, VARIANT/GROUP, or a program, section or check of a group: GROUP/NAME.'
    fi
  } | fold -sw 125
}

# Asks for the builds of the chosen tasks, limited to the targets that these need.
askForBuilds() {
  local task target directory
  declare -A wanted
  for task in "${!asked[@]}"; do
    directory=${directories[task]}
    for target in ${needs[task]}; do
      [[ ! " ${parts[task]} " == *" ${target##*/} "* || -z ${part[task]} || ${target##*/} == "${part[task]}" ]] && wanted[$directory]+=" $target"
    done
  done
  for directory in "${!wanted[@]}"; do
    targetsOf[$directory]=${wanted[$directory]}
    asked[${buildOf[$directory]}]=1
    [ ${#wanted[@]} -gt 1 ] || weights[${buildOf[$directory]}]=$JOBS
  done
}

choose() { # ONLY: no name stands for all tasks
  local name task count=${#names[@]} chosen=' '
  set -f
  for name in $1; do
    [[ $chosen != *" $name "* ]] || continue
    chosen+="$name "
    if ! askByName "$name" "$count"; then
      refuse "$name"
      return 1
    fi
  done
  set +f
  if [ -n "$1" ]; then
    askForBuilds
  else
    for task in "${!names[@]}"; do asked[task]=1; done
  fi
}
