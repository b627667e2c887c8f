# Completions of mema for bash. Made by: mema help --completion=bash
_mema() {
  local current=${COMP_WORDS[COMP_CWORD]} commands options valued files programs shells operands i=2 word option= operand=
  COMPREPLY=()
  commands='run torture fit record replay help '
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$current")
    return
  fi
  case ${COMP_WORDS[1]} in
    run)
      operands=program options=' --pool --total --reserve --no-mmap --report --strict --no-inherit --deepbind --fail-at --from-then-on --max-peak --max-live --max-allocations --baseline --max-growth --update --junit --github'
      valued=' --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit'
      files=' --report --baseline --junit' programs='' shells=''
      ;;
    torture)
      operands=program options=' --stacks --every --sample --from --once --from-then-on --jobs --json --resume --timeout --input --check --stderr'
      valued=' --sample --from --jobs --json --resume --timeout --input --check'
      files=' --json --resume --input' programs=' --check' shells=''
      ;;
    fit)
      operands=program options=' --runs --slower --no-mmap --timeout --input --check --stderr'
      valued=' --runs --slower --timeout --input --check'
      files=' --input' programs=' --check' shells=''
      ;;
    record)
      operands=program options=' --output -o --plain --deepbind --finish'
      valued=' --output -o --finish'
      files=' --output -o --finish' programs='' shells=''
      ;;
    replay)
      operands=file options=' --pool --tracked --against --rounds --process --list'
      valued=' --pool --against --rounds --process'
      files=' --against' programs='' shells=''
      ;;
    help)
      operands=command options=' --man --completion'
      valued=' --completion'
      files='' programs='' shells=' --completion'
      ;;
    *) return ;;
  esac
  # Finds the first operand, and the option whose value is the current word. Bash makes three words of --pool=1M.
  while [ "$i" -le "$COMP_CWORD" ] && [ -z "$operand" ]; do
    word=${COMP_WORDS[i]} option=
    if [ "$word" = -- ] && [ "$i" -lt "$COMP_CWORD" ]; then
      operand=$((i + 1))
    elif [[ $word == -?* ]]; then
      if [[ "$valued " == *" $word "* ]] && [ "$i" -lt "$COMP_CWORD" ]; then
        option=$word i=$((i + 1))
        [ "${COMP_WORDS[i]}" != = ] || [ "$i" -eq "$COMP_CWORD" ] || i=$((i + 1))
        [ "$i" -eq "$COMP_CWORD" ] || option=
      fi
    elif [ "$i" -lt "$COMP_CWORD" ]; then
      operand=$i
    fi
    i=$((i + 1))
  done
  [ "$current" != = ] || current=
  local kind=$operands
  if [ -n "$option" ]; then
    kind=nothing
    [[ "$files " != *" $option "* ]] || kind=file
    [[ "$programs " != *" $option "* ]] || kind=program
    [[ "$shells " != *" $option "* ]] || kind=shell
  elif [ -z "$operand" ] && [[ $current == -* ]]; then
    kind=option
  elif [ "$operands" = program ] && [ -n "$operand" ] && [ "$operand" -lt "$COMP_CWORD" ]; then
    kind=argument
  fi
  case $kind in
    option) mapfile -t COMPREPLY < <(compgen -W "$options --help -h" -- "$current") ;;
    command) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current") ;;
    shell) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "$current") ;;
    program) if [[ $current == */* ]]; then kind=file; else mapfile -t COMPREPLY < <(compgen -c -- "$current"); fi ;;
    argument) if declare -F _command_offset >/dev/null; then _command_offset "$operand"; else kind=file; fi ;;
  esac
  [ "$kind" != file ] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
  [ "$kind" != file ] || compopt -o filenames 2>/dev/null
}
complete -F _mema mema
