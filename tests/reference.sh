#!/usr/bin/env bash
# The manual pages, completions and pages of reference: they are those that the tables of cli/ and mema.h give, they render without a
# warning, and shells complete with them.
. "$(dirname "$0")/checks.sh"
mema=$BUILD/mema

# ---- made from one source -------------------------------------------------------------------------------------------------

isCurrent() { # DIRECTORY
  diff -r "$1" "$scratch/made/$1" || {
    echo "make reference writes them anew"
    return 1
  }
}

need 'what is made is made' bash docs/reference.sh "$mema" "$scratch/made"
for directory in docs/man docs/reference packaging/completions; do
  check "$directory is what the tables and mema.h give" isCurrent "$directory"
done

# Each option that --help names is in the page, and each shell offers it.
hasOptions() { # COMMAND
  local option options
  options=$(COLUMNS=150 "$mema" help "$1" | sed -n 's/^  \(-., \)*--\([a-z-]*\).*/\2/p')
  [ "$(wc -w <<<"$options")" -ge 2 ] || return
  for option in $options; do
    grep -qF -- "\\-\\-${option//-/\\-}\\fR" "docs/man/mema-$1.1" && grep -q -- " -l $option " packaging/completions/mema.fish &&
      grep -q -- "--$option" packaging/completions/_mema && grep -q -- "\`.*--$option" docs/reference/commands.md && { [ "$option" = help ] || grep -q -- "--$option" packaging/completions/mema.bash; } || {
      echo "--$option is not everywhere"
      return 1
    }
  done
}
for page in docs/man/mema-*.1; do
  command=${page#docs/man/mema-} command=${command%.1}
  check "each option of mema $command is in its page and in the completions" hasOptions "$command"
done

# Each public function has an entry in a page of reference, and a manual page; each type has an entry. The names are the library's symbols
# that mema.h declares, and the header's typedefs.
hasEntries() {
  local name names missing=0
  names=$(nm --defined-only "$BUILD/libmema.a" 2>/dev/null | awk '$2 == "T" {print $3}' | grep -x -f <(grep -o 'mema_[A-Za-z]*' include/mema.h | sort -u))
  [ "$(wc -w <<<"$names")" -gt 30 ] || { echo "only these functions: $names"; return 1; }
  for name in $names; do
    grep -q "^### .*\b$name\b" docs/reference/*.md && grep -q "^$name\.3 " docs/man/links && grep -q "\b$name(" docs/man/mema-*.3 || { echo "$name"; missing=1; }
  done
  for name in $(sed -n 's/^} \(mema_[A-Za-z]*\);$/\1/p' include/mema.h); do
    grep -q "^### .*\b$name\b" docs/reference/*.md || { echo "$name"; missing=1; }
  done
  return $missing
}
check 'each function and type of mema.h has an entry' hasEntries

# Each word of four letters in the header, behind its preamble, is in the pages, beside those of directives and attributes.
losesNothing() {
  local lost
  lost=$(comm -23 <(sed -n '/^\/\* ---- pools and chunks/,$p' include/mema.h | grep -v -e NOLINT -e 'words of a Pool that only' | grep -o '[A-Za-z]\{4,\}' | sort -u) \
    <(cat docs/reference/*.md | grep -o '[A-Za-z]\{4,\}' | sort -u))
  echo "$lost"
  [ -z "$(grep -vwE 'ATTRIBUTE|PUBLIC|NAMES|SHORT|REST|REASON|CODE|COUNT|ifndef|ifdef|endif|undef|cplusplus|static|inline|return|alloc|align|code|number|extern|uintptr|reserved|sizeof' <<<"$lost")" ]
}
check 'no word of mema.h is lost' losesNothing

# Each option stands in the page of docs that explains its command.
isExplained() { # COMMAND
  local option page bad=0
  case $1 in run) page=docs/run.md ;; torture | fit) page=docs/torture.md ;; record | replay) page=docs/traces.md ;; *) page=docs/reference/commands.md ;; esac
  for option in $(COLUMNS=150 "$mema" help "$1" | sed -n 's/^  \(-., \)*--\([a-z-]*\).*/\2/p'); do
    [ "$option" = help ] || grep -q -- "--$option\b" "$page" || { echo "$page lacks --$option"; bad=1; }
  done
  return $bad
}
for page in docs/man/mema-*.1; do
  command=${page#docs/man/mema-} command=${command%.1}
  check "each option of mema $command is explained in docs" isExplained "$command"
done

# ---- manual pages ---------------------------------------------------------------------------------------------------------

lintIsSilent() { # FILE…
  mandoc -T lint "$@"
}

# man as a user calls it; groff says on stderr what it does not understand.
# All kinds of warnings, apart from a line that cannot be broken well.
warnings=char,delim,di,el,escape,font,ig,input,mac,missing,number,range,reg,right-brace,scale,space,syntax,tab
rendersSilently() { # FILE…
  local page
  for page in "$@"; do
    MANWIDTH=80 MAN_KEEP_STDERR=1 man --warnings="$warnings" "./$page" >"$scratch/page" 2>"$scratch/warnings" || return
    [ ! -s "$scratch/warnings" ] || { echo "$page: $(cat "$scratch/warnings")"; return 1; }
    [ "$(wc -l <"$scratch/page")" -gt 10 ] || { echo "$page is short"; return 1; }
  done
}

# A line of the header that is for the preprocessor alone is no member of a struct.
hasNoDirectives() { # FILE…
  ! grep -n '#\(if\|el\|endif\)' "$@"
}

# A page with a mistake is seen by both.
mistakesAreSeen() {
  sed 's/^\.SH OPTIONS/.SH OPTIONS\n.XX\n.in +/' docs/man/mema-run.1 >"$scratch/bad.1"
  ! lintIsSilent "$scratch/bad.1" && (cd "$scratch" && ! rendersSilently bad.1)
}

mapfile -t pages < <(printf '%s\n' docs/man/*.[13])
check 'no page has a directive of the preprocessor' hasNoDirectives docs/man/*.3
if command -v mandoc >/dev/null; then check 'mandoc -T lint has no remark' lintIsSilent "${pages[@]}"; else skip 'mandoc -T lint' 'no mandoc'; fi
if command -v man >/dev/null; then check 'man has no warning' rendersSilently "${pages[@]}"; else skip 'man' 'no man'; fi
if command -v man >/dev/null && command -v mandoc >/dev/null; then check 'a mistake in a page is seen' mistakesAreSeen; fi

# ---- completions ----------------------------------------------------------------------------------------------------------

# The words that bash offers for the last one, as readline passes them: a '=' is a word.
bashOffers() { # EXPECTED WORD…
  local expected=$1 offered
  shift
  offered=$(bash -c '. packaging/completions/mema.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mema; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | uniq | paste -sd ' ')
  echo "$*: $offered"
  [ "$offered" = "$expected" ]
}

check 'bash: the commands' bashOffers 'run record replay' mema r
check 'bash: options' bashOffers '--max-peak --max-live --max-allocations --max-growth' mema run --max
check 'bash: a value that is a size' bashOffers '' mema run --pool ''
check 'bash: a value that is a file' bashOffers docs/glossary.md mema run --report docs/gl
check 'bash: a value behind =' bashOffers docs/glossary.md mema run --report = docs/gl
check 'bash: an option behind a value' bashOffers '--reserve --report' mema run --pool = 1M --re
check 'bash: a program' bashOffers mkfifo mema run --pool 1M mkfif
check 'bash: a program behind --' bashOffers mkfifo mema torture --once -- mkfif
check 'bash: a program by its path' bashOffers docs/reference.sh mema run docs/reference.s
check 'bash: an argument of the program' bashOffers docs/glossary.md mema run cat docs/gl
check 'bash: no option of mema behind the program' bashOffers '' mema run cat --max
check 'bash: the value of a letter' bashOffers docs/glossary.md mema record -o docs/gl
check 'bash: a program as a value' bashOffers mkfifo mema fit --check mkfif
check 'bash: a file as an operand' bashOffers docs/glossary.md mema replay docs/gl
check 'bash: a command to explain' bashOffers 'record replay' mema help re
check 'bash: a shell' bashOffers zsh mema help --completion = z
check 'bash: a command that is none' bashOffers '' mema nothing r

fishOffers() { # EXPECTED LINE
  local offered
  offered=$(HOME=$scratch fish --no-config -c 'function mytool; end; complete -c mytool -l alpha; source packaging/completions/mema.fish; complete -C $argv[1]' -- "$2" |
    cut -f 1 | paste -sd ' ')
  echo "$2: $offered"
  [ "$offered" = "$1" ]
}

if command -v fish >/dev/null; then
  check 'fish: the commands' fishOffers 'record replay run' 'mema r'
  check 'fish: options' fishOffers '--max-allocations --max-growth --max-live --max-peak' 'mema run --max'
  check 'fish: a value that is a file' fishOffers docs/glossary.md 'mema run --report docs/glo'
  check 'fish: a program' fishOffers mytool 'mema run --pool 5 mytoo'
  check 'fish: an option of the program' fishOffers --alpha 'mema run --pool 5 -- mytool --al'
  check 'fish: no option of mema behind the program' fishOffers '' 'mema run --pool 5 mytool --max'
  check 'fish: a command to explain' fishOffers 'record replay' 'mema help re'
else
  skip fish 'not installed'
fi

# Types each line, a tabulator, and a key that writes what the line has become.
zshCompletes() {
  mkdir -p "$scratch/zsh" && cp packaging/completions/_mema "$scratch/zsh" && TERM=vt100 SHOWN=$scratch/shown FUNCTIONS=$scratch/zsh zsh -f <<'ZSH'
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT="%% "; fpath=($FUNCTIONS $fpath); autoload -U compinit; compinit -u -D; mytool() {}; compdef "_arguments --alpha --beta" mytool; unsetopt beep'
zpty -w shell 'show() { print -r -- "$BUFFER" >>$SHOWN; BUFFER=; print -n "\a"; }; zle -N show; bindkey "^X" show'
for line in 'mema tor' 'mema run --max-p' 'mema run --pool 5 myto' 'mema run --pool 5 mytool --al' 'mema run -- mytool --al' 'mema run mytool --poo' \
  'mema help --completion=z' 'mema help to' 'mema replay README'; do
  zpty -w -n shell "$line"$'\t\C-X'
  zpty -r shell output $'*\a'
done
zpty -d shell
ZSH
  diff - <(sed 's/ *$//' "$scratch/shown") <<'LINES'
mema torture
mema run --max-peak=
mema run --pool 5 mytool
mema run --pool 5 mytool --alpha
mema run -- mytool --alpha
mema run mytool --poo
mema help --completion=zsh
mema help torture
mema replay README.md
LINES
}

if command -v zsh >/dev/null; then check 'zsh: commands, options, programs and values' zshCompletes; else skip zsh 'not installed'; fi

# ---- questions ------------------------------------------------------------------------------------------------------------

refuses() { # PATTERN ARGUMENT…
  local pattern=$1 status=0
  shift
  "$mema" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
  cat "$scratch/err"
  [ $status -eq 2 ] && [ ! -s "$scratch/out" ] && grep -q "$pattern" "$scratch/err" && [ "$(wc -l <"$scratch/err")" -eq 1 ]
}
check 'a shell that is none is refused' refuses "^mema help: --completion 'tcsh' is none of bash, zsh and fish$" help --completion=tcsh
check 'completions of one command are refused' refuses "^mema help: --completion is of all commands: 'run' is too many$" help --completion=zsh run
check 'the page of a command that is none is refused' refuses "^mema help: unknown command 'rum'; did you mean 'run'" help --man rum
if [ -w /dev/full ]; then
  fullDisk() { ! "$mema" help "$@" >/dev/full; }
  check 'a page on a full disk fails' fullDisk --man run
  check 'completions on a full disk fail' fullDisk --completion=bash
fi
finish
