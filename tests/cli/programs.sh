# programs.sh - real programs work in a pool as they do outside of it. Sourced by run.sh.

# alike NAME TOOL SCRIPT: the output of the script and its status are equal with and without a pool. Nothing may depend on
# the process or the time.
alike() {
  if ! command -v "$2" >/dev/null; then
    skip "$1" "$2 is not there"
    return
  fi
  guard sh -c "$3" >"$scratch/plain.out" 2>"$scratch/plain.err"
  plain=$?
  guard "$mema" run --pool 1G --report "$scratch/r.json" -- sh -c "$3" >"$scratch/pool.out" 2>"$scratch/pool.err"
  pool=$?
  sed -n '/^mema run: /,$d; p' "$scratch/pool.err" >"$scratch/pool.said"
  if [ $plain -ne 0 ]; then
    skip "$1" "fails without a pool as well: $(head -c 200 "$scratch/plain.err")"
  elif [ $pool -ne 0 ]; then
    notOk "$1" "status $pool: $(head -c 600 "$scratch/pool.err")"
  elif ! cmp -s "$scratch/plain.out" "$scratch/pool.out"; then
    notOk "$1" 'another output'
  elif ! cmp -s "$scratch/plain.err" "$scratch/pool.said"; then
    notOk "$1" "said something else: $(head -c 600 "$scratch/pool.said")"
  elif grep '"pid"' "$scratch/r.json" | grep -Ev '"badFrees": 0, "foreignFrees": 0, "droppedFrees": 0' | grep -q .; then
    notOk "$1" "bad frees: $(grep '"pid"' "$scratch/r.json" | grep -v '"badFrees": 0,' | head -n 1)"
  elif [ "$(grep -c '"pid"' "$scratch/r.json")" -eq 0 ]; then
    notOk "$1" 'no process reported'
  else
    ok "$1"
  fi
}

cat >"$scratch/source.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#define A(n) int f##n(int x) { int a[64]; for (int i = 0; i < 64; i++) a[i] = x * i + n; return a[x & 63] + (int)sqrt(x); }
#define B(n) A(n##0) A(n##1) A(n##2) A(n##3) A(n##4) A(n##5) A(n##6) A(n##7) A(n##8) A(n##9)
#define C(n) B(n##0) B(n##1) B(n##2) B(n##3) B(n##4) B(n##5) B(n##6) B(n##7) B(n##8) B(n##9)
C(1)
int main(void) { printf("%d\n", f100(3) + f199(5)); return 0; }
C
alike 'gcc -O2 -c' gcc "gcc -O2 -w -c '$scratch/source.c' -o '$scratch/source.o' && cksum <'$scratch/source.o'"

python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3
cat >"$scratch/work.py" <<'P'
import json, re
data = [{"id": i, "name": "n%d" % i, "tags": ["t%d" % (i % k) for k in range(1, 9)]} for i in range(20000)]
text = json.dumps(data)
back = json.loads(text)
print(len(text), sum(x["id"] for x in back), back == data)
print(len(re.findall(r"n(\d+)7\b", text)), len(re.sub(r"t(\d)", r"<\1>", text)))
words = {}
for m in re.finditer(r"[a-z]+\d+", text):
    words[m.group()] = words.get(m.group(), 0) + 1
print(len(words), sorted(words.items())[:5])
P
alike 'python3: json and regular expressions' "$python" "$python '$scratch/work.py'"
# CPython takes small objects from mappings of its own, unless told otherwise.
alike 'python3: each object from malloc' "$python" "PYTHONMALLOC=malloc $python '$scratch/work.py'"

alike 'perl' perl "perl -e '
  my %h; for my \$i (1 .. 100000) { \$h{\"k\" . (\$i * 7919 % 100003)} = \"v\" x (\$i % 50); }
  my \$s = join(\",\", map { \"\$_=\$h{\$_}\" } sort keys %h); print length(\$s), \"\\n\";
  my @w = sort { \$a cmp \$b } split(/[=,]/, \$s); print scalar(@w), \" \$w[500]\\n\"; (my \$t = \$s) =~ s/v+/V/g; print length(\$t), \"\\n\";'"

alike 'sqlite3: a table of 100,000 rows' sqlite3 "sqlite3 :memory: \"
  create table t(id integer primary key, name text, value real);
  with recursive c(x) as (select 1 union all select x + 1 from c where x < 100000)
    insert into t select x, 'name' || (x * 7919 % 100003), x / 7.0 from c;
  create index i on t(name);
  select count(*), sum(id), min(name), max(name), round(sum(value), 3) from t;
  select name from t order by name desc limit 5;
  select substr(name, 1, 6) k, count(*) from t group by k order by 2 desc, 1 limit 5;\""

if command -v git >/dev/null; then
  (
    cd "$scratch" && git init -q repository && cd repository &&
      i=0 && while [ $i -lt 200 ]; do
        i=$((i + 1))
        printf 'commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 8\nnumber%02d\n' $((1000000000 + i)) $((i % 100))
        printf 'M 644 inline file%d\ndata 6\nline%01d\n\n' $((i % 20)) $((i % 10))
      done | git fast-import --quiet
  ) >/dev/null 2>&1
fi
alike 'git log' git "git -C '$scratch/repository' log --stat -p main"

alike 'sort of 1,000,000 lines' sort "awk 'BEGIN { x = 1; for (i = 0; i < 1000000; i++) { x = (x * 16807) % 2147483647; print x } }' | sort -n | cksum"

alike 'xz with two threads' xz "awk 'BEGIN { for (i = 0; i < 400000; i++) print i * 7919 % 1000003 }' | xz -1 -T2 --block-size=262144 -c | xz -dc | cksum"

alike 'a shell with pipes and subshells' bash "bash -c 'for i in {1..30}; do (echo \$i | cat | tr 1 2); done | sort | uniq -c; x=\$(seq 1 10000); echo \${#x}'"

# CPython takes its small objects from mappings of its own. Where those are counted, it gets no memory, and says so.
if "$python" -c 1 2>/dev/null; then
  cat >"$scratch/greedy.py" <<'P'
kept = []
try:
    for i in range(2000000):
        kept.append((i * 1.5, i + 1000))
    print("all")
except MemoryError:
    kept.clear()
    print("MemoryError")
P
  for way in 'MemoryError --pool=40M' 'all --pool=40M --no-mmap' 'all --pool=1G'; do
    set -- $way
    wanted=$1
    shift
    guard "$mema" run "$@" -- "$python" "$scratch/greedy.py" >"$scratch/out" 2>"$scratch/err"
    same "python3 $*: ends by itself" 0 $?
    same "python3 $*" "$wanted" "$(cat "$scratch/out")"
  done
else
  skip 'python3: arenas over the budget' 'python3 is not there'
fi
