#!/usr/bin/env bash
# torture.sh - what common programs do when a request for memory fails: makes the tables of docs/torture.md.
#
#   bash bench/torture.sh                prints them
#   bash bench/torture.sh --renew        writes them into docs/torture.md
#   bash bench/torture.sh sed jq         prints those of these programs
#
# BUILD is the directory of the products (default: build). Programs that are not installed are left out. Each torture fails the first
# request of each call stack; all together take some minutes on two processors.
cd "$(dirname "$0")/.." || exit 1
mema=$(realpath "${BUILD:-build}")/mema page=$PWD/docs/torture.md renew=
[ "${1:-}" != --renew ] || { renew=1; shift; }
asked=" $* "
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
mkdir rows
export LC_ALL=C PERL_HASH_SEED=0 PYTHONHASHSEED=0 GIT_CONFIG_NOSYSTEM=1 HOME=$scratch

printf '%s\n' 'b 2' 'a 1' 'c 3' >text
printf '1\n' >line
echo '{"a": [1, 2, {"b": 3}]}' >data.json
echo '<a><b c="1">x</b></a>' >data.xml
echo '2^100' >sums.bc
tar cf archive.tar text
gzip -k text
{ git init -q repository && cp text repository && cd repository && git add text &&
  git -c user.name=nobody -c user.email=nobody@example.org commit -qm first; cd "$scratch"; } >/dev/null 2>&1

# The first number with a point in it, or without one.
version() { # PROGRAM FLAG
  "$1" "$2" >told 2>&1 </dev/null
  grep -Eom 1 '[0-9]+\.[0-9]+[0-9.a-z]*' told | head -n 1 | grep . || grep -Eom 1 '[0-9]+' told | head -n 1
}

# Prints a row of the table, and one of the list of worst stacks.
rowOf() { # NAME VERSION
  python3 - "$@" <<'P'
import json, os, re, shlex, sys
name, version = sys.argv[1:]
try:
    report = json.load(open("report.json"))
except ValueError:
    print(f"| {name} {version} | 0 | | | | | | | | | |")
    sys.exit()
kinds = ["wrongOutput", "crash", "abort", "hang", "leak", "silentRefusal", "refusal", "same"]
points, plain = report["points"], report["plain"]
counts = [sum(point["outcome"] == kind for point in points) for kind in kinds]
mark = "*" if any(plain["differs"].values()) else ""
print(f"| {name} {version}{mark} | {plain['requests']:,} | {plain['stacks']:,} | " + " | ".join(str(count or "") for count in counts) + " |")
with open("rows/worst", "a") as worst:
    for kind in kinds[:4]:
        first = next((point for point in points if point["outcome"] == kind), None)
        if first is None:
            continue
        stack = [frame["name"] for frame in first["stack"]]
        named = [frame for frame in stack if not re.search(r"\+0x", frame)][:3]
        print(f"| {name} | {kind} | {' ← '.join(f'`{frame}`' for frame in named) or '(no symbols)'} | `{first['repeat']}` |", file=worst)
P
}

torture() { # NAME VERSION-FLAG OPTION… -- COMMAND…
  local name=$1 flag=$2
  shift 2
  [ "$asked" = '  ' ] || [[ $asked == *" $name "* ]] || return 0
  command -v "$name" >/dev/null || { echo "torture.sh: $name is not installed" >&2; return 0; }
  rm -f report.json
  : >report.json
  "$mema" torture --json report.json "$@" >/dev/null 2>>errors
  [ $? -le 1 ] || echo "torture.sh: $name: $(tail -n 1 errors)" >&2
  rowOf "$name" "$(version "$name" "$flag")"
}

all() {
  torture sed --version -- sed s/1/2/ line
  torture sort --version -- sort text
  torture mawk -Wversion -- mawk '{ s += $2 } END { print s }' text
  torture gawk --version -- gawk '{ s += $2 } END { print s }' text
  torture jq --version -- jq .a data.json
  torture perl -v -- perl -e 'my %h = map { $_ => 1 } 1..10; print join(",", sort keys %h), "\n"'
  torture python3 --version -- "$(PATH=/usr/bin:$PATH command -v python3)" -S -E -c 'print(sum(range(10)))'
  torture sqlite3 --version -- sqlite3 :memory: 'create table t(a); insert into t values(1),(2); select sum(a) from t;'
  torture git --version -- git -C repository log --oneline
  torture curl --version -- curl -s "file://$scratch/text"
  torture xmllint --version -- xmllint --format data.xml
  torture lua5.4 -v -- lua5.4 -e 'local t = {} for i = 1, 10 do t[i] = i * i end print(#t, t[10])'
  torture bc --version -- bc -q sums.bc
  torture tar --version -- tar tf archive.tar
  torture gzip --version -- gzip -dc text.gz
}

# With commas: 1,234,567.
grouped() {
  sed -e ':again' -e 's/^\([0-9]*[0-9]\)\([0-9][0-9][0-9]\)/\1,\2/' -e 't again' <<<"$1"
}

fit() { # NAME -- COMMAND…
  local name=$1 told peak least fast
  shift
  [ "$asked" = '  ' ] || [[ $asked == *" $name "* ]] || return 0
  command -v "$name" >/dev/null || return 0
  told=$(COLUMNS=500 "$mema" fit "$@" 2>>errors)
  peak=$(sed -n 's/.* (\([0-9]*\) bytes), .*/\1/p' <<<"$told")
  least=$(sed -n 's/.*same output and status: \([0-9]*\) bytes.*/\1/p' <<<"$told")
  fast=$(sed -n 's/.*more processor time: \([0-9]*\) bytes.*/\1/p' <<<"$told")
  printf '| %s | %s | %s | %s | %s |\n' "$name" "$(grouped "$peak")" "$(grouped "$least")" "$(grouped "${fast:-none to the peak}")" \
    "$(sed -n 's/.*with one byte less: //p' <<<"$told" | head -n 1)"
}

fits() {
  seq 200000 | awk '{ print ($1 * 7919) % 200003 }' >numbers
  awk '{ printf("%s{\"n\": %d, \"text\": \"line %d\"}", (NR > 1 ? "," : "["), $1, $1) } NR == 20000 { exit } END { print "]" }' numbers >large.json
  fit sort -- sort numbers
  fit mawk -- mawk '{ seen[$1]++ } END { print length(seen) }' numbers
  fit jq -- jq 'map(.n) | add' large.json
  fit sqlite3 -- sqlite3 :memory: 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select i from n order by -i limit 3'
  fit perl -- perl -ne '$seen{$_}++; END { print scalar keys %seen, "\n" }' numbers
  fit git -- git -C repository log --oneline
}

tables() {
  echo '| program | requests | stacks | `W` | `C` | `A` | `H` | `L` | `s` | `r` | `.` |'
  echo '|---|---|---|---|---|---|---|---|---|---|---|'
  all
  echo
  echo 'The first point of each bad outcome but leaks, from the request out:'
  echo
  echo '| program | outcome | call stack | |'
  echo '|---|---|---|---|'
  [ ! -e rows/worst ] || sed "s,$scratch/,,g" rows/worst
  echo
  echo 'The budgets that `mema fit` finds, in bytes. That by the time is a measurement, and differs between runs:'
  echo
  echo '| program | peak without a budget | least for the same output | least with 5 % more processor time | with one byte less than the least |'
  echo '|---|---|---|---|---|'
  fits
}

if [ -z "$renew" ]; then
  tables
else
  tables >tables
  awk -v file=tables '
    /^<!-- results/ { print; print ""; while ((getline line < file) > 0) print line; print ""; skips = 1; next }
    /^<!-- end/ { skips = 0 }
    !skips' "$page" >new && cat new >"$page"
fi
