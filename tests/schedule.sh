# schedule.sh - runs the tasks that are asked for (tasks.sh) side by side, and reports their results. run.sh sources it.
#
# A task can start when its build is made and as many processors are free as it keeps busy. Of the tasks that can start, the first in the
# list does. The line of a group is printed when its last task has ended.
logs=$BUILD/test/log
state=() fileOf=() failures=() busy=0
totalPassed=0 totalFailed=0 totalSkipped=0 work=0
declare -A left passedOf failedOf skippedOf workOf loud

# ---- one task -----------------------------------------------------------------------------------------------------------------

build() { # DIRECTORY
  local target targets=()
  for target in ${targetsOf[$1]}; do
    case $target in tests/*) target=$BUILD/test/$1/$target ;; esac
    targets+=("$target")
  done
  if EXTRA=${flagsOf[$1]} TEST_CFLAGS=${testFlagsOf[$1]} make -j"${weights[${buildOf[$1]}]}" -s BUILD="$BUILD/test/$1" CC="${compilerOf[$1]}" "${targets[@]}"; then
    echo '1 passed, 0 failed'
  else
    echo '0 passed, 1 failed'
  fi
}

perform() { # TASK
  local words
  eval "words=(${commands[$1]})"
  if [ "${words[0]}" = build ]; then
    "${words[@]}"
  else
    env BUILD="$BUILD/test/${directories[$1]}" JOBS="${weights[$1]}" ONLY="${part[$1]:-}" "${words[@]}"
  fi
}

# Runs a task. Three files receive its output, its processor time in milliseconds, and, at last, its exit status.
begin() { # TASK
  local file=${fileOf[$1]} TIMEFORMAT='%3U %3S'
  {
    time perform "$1" >"$file.log" 2>&1 </dev/null
    echo $? >"$file.new"
  } 2>"$file.time"
  mv "$file.new" "$file.status"
}

# ---- its result ---------------------------------------------------------------------------------------------------------------

# Adds the counts in a task's closing line to those of its group. A task without such a line is one failure.
count() { # TASK
  local log=${fileOf[$1]}.log group=${groups[$1]} status line good bad skips
  status=$(cat "${fileOf[$1]}.status")
  line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -1)
  read -r good _ bad _ skips _ <<<"${line:-0 passed, 1 failed}, 0 skipped"
  bad=${bad%,} skips=${skips%,}
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  passedOf[$group]=$((${passedOf[$group]:-0} + good))
  failedOf[$group]=$((${failedOf[$group]:-0} + bad))
  skippedOf[$group]=$((${skippedOf[$group]:-0} + skips))
  workOf[$group]=$((${workOf[$group]:-0} + $(tr -d . <"${fileOf[$1]}.time" | awk '{ sum += $1 + $2 } END { print sum + 0 }')))
  if [ "$bad" -gt 0 ]; then
    remember "$1" "$status"
    loud[$group]+=" $log"
  elif [ "$skips" -gt 0 ]; then
    loud[$group]+=" $log"
  fi
  [ "$bad" -eq 0 ]
}

# Keeps a task's failures, each with the command that repeats it. A failed check prints the name of its part in brackets.
remember() { # TASK STATUS
  local log=${fileOf[$1]}.log name=${names[$1]} text label seed
  seed=$(sed -nE 's/.*to repeat: (random|family) [0-9]+ ([0-9]+)$/SEED=\2 /p' "$log" | head -1)
  grep -aq '^FAILED: ' "$log" || failures+=("${seed}make test ONLY=${name#gcc/}|the task ended with status $2")
  while IFS= read -r text; do
    label=$(sed -nE 's/.* \[([^] ]*)\]$/\1/p' <<<"$text")
    case $label in '' | "${name##*/}") ;; *) label=/$label ;; esac
    [ "$label" != "${name##*/}" ] || label=
    failures+=("${seed}make test ONLY=${name#gcc/}$label|${text% \[*}")
  done < <(sed -n 's/^FAILED: //p' "$log")
}

report() { # GROUP
  local group=$1 line log
  totalPassed=$((totalPassed + passedOf[$group]))
  totalFailed=$((totalFailed + failedOf[$group]))
  totalSkipped=$((totalSkipped + skippedOf[$group]))
  work=$((work + workOf[$group]))
  line="${passedOf[$group]} passed"
  [ "${failedOf[$group]}" -eq 0 ] || line="$line, ${failedOf[$group]} FAILED"
  [ "${skippedOf[$group]}" -eq 0 ] || line="$line, ${skippedOf[$group]} skipped"
  printf '%-16s %-12s %s  (%d s)\n' "${group%%/*}" "${group#*/}" "$line" $(((workOf[$group] + 500) / 1000))
  for log in ${loud[$group]:-}; do
    grep -aq ' 0 failed' <(tail -1 "$log") || grep -av -e '^ok ' -e '^skipped' "$log" | sed 's/^/    | /' | tail -150
    grep -a '^skipped' "$log" | sed 's/^/    | /'
  done
}

# Prints a line for each command, with the first failure that it repeats.
listFailures() {
  [ ${#failures[@]} -gt 0 ] || return 0
  echo 'Failed, with the command that repeats it:'
  printf '%s\n' "${failures[@]}" | awk -F '|' -v most=20 '
    !($1 in count) { order[++commands] = $1; first[$1] = substr($2, 1, 100) }
    { count[$1]++ }
    END {
      for (i = 1; i <= commands && i <= most; i++)
        printf "  %-48s # %s%s\n", order[i], first[order[i]], (count[order[i]] > 1 ? ", and " count[order[i]] - 1 " more" : "")
      if (commands > most) print "  and " commands - most " more"
    }'
}

# ---- all of them --------------------------------------------------------------------------------------------------------------

canStart() { # TASK
  local build=${buildOf[${directories[$1]}]:-$1}
  [ "${state[$1]}" = waits ] && [ $((busy + weights[$1])) -le "$JOBS" ] && { [ "$build" -eq "$1" ] || [ "${state[build]:-made}" = made ]; }
}

startSome() {
  local task
  for task in "${!state[@]}"; do
    canStart "$task" || continue
    state[task]=runs busy=$((busy + weights[task]))
    begin "$task" &
  done
}

endSome() {
  local task group
  for task in "${!state[@]}"; do
    [ "${state[task]}" = runs ] && [ -e "${fileOf[task]}.status" ] || continue
    group=${groups[task]}
    state[task]=broken busy=$((busy - weights[task]))
    if count "$task"; then state[task]=made; fi
    left[$group]=$((left[$group] - 1))
    [ "${left[$group]}" -gt 0 ] || report "$group"
  done
}

# Ends a process and all of its descendants.
endTree() { # PROCESS
  local child children
  children=$(cat /proc/"$1"/task/*/children 2>/dev/null)
  kill "$1" 2>/dev/null
  for child in $children; do endTree "$child"; done
}

stop() { # STATUS
  local process
  trap - INT TERM HUP
  for process in $(jobs -rp); do endTree "$process"; done
  wait
  exit "$1"
}

# Prints the groups that did not start, since their build failed.
listUntouched() {
  local task
  for task in "${!state[@]}"; do
    [ "${state[task]}" != waits ] || echo "${groups[task]}"
  done | sort -u | while IFS=/ read -r variant group; do printf '%-16s %-12s not run: the build failed\n' "$variant" "$group"; done
}

# Leaves out each variant whose compiler is missing, and counts it as one skip.
leaveOutVariants() {
  local directory task
  for directory in "${!compilerOf[@]}"; do
    [ -n "${asked[${buildOf[$directory]}]:-}" ] || continue
    ! command -v "${compilerOf[$directory]}" >/dev/null || continue
    for task in "${!asked[@]}"; do
      [ "${directories[task]}" != "$directory" ] || unset 'asked[task]'
    done
    totalSkipped=$((totalSkipped + 1))
    printf '%-16s %-12s skipped: %s is not installed\n' "$directory" all "${compilerOf[$directory]}"
  done
}

runAll() {
  local task line start=$SECONDS
  rm -rf "$logs"
  mkdir -p "$logs"
  leaveOutVariants
  for task in "${!asked[@]}"; do
    state[task]=waits
    fileOf[task]=${names[task]}${part[task]:+/${part[task]}}
    fileOf[task]=$logs/${fileOf[task]//\//.}
    left[${groups[task]}]=$((${left[${groups[task]}]:-0} + 1))
  done
  trap 'stop 130' INT
  trap 'stop 143' TERM HUP
  while startSome && [ $busy -gt 0 ]; do
    wait -n
    endSome
  done
  listUntouched
  listFailures
  echo "$(((work + 500) / 1000)) s of processor time in $((SECONDS - start)) s. The output of each task is in $logs."
  line="$totalPassed passed, $totalFailed failed"
  [ "$totalSkipped" -eq 0 ] || line="$line, $totalSkipped skipped"
  echo "$line"
  [ "$totalFailed" -eq 0 ]
}
