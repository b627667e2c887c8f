# generate.pl WHAT - writes the input of a whole program: source (for gcc), lines (for xz and sort), history (for git fast-import).
# Each run writes equal text: numbers come from one generator with one seed.
use strict;
use warnings;

my $state = 1;
sub draw { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0] }

my @syllables = qw(ba co da fe gi lo mu na pe ri so tu va we xi zo);
sub word { return join '', map { $syllables[draw(scalar @syllables)] } 1 .. 2 + draw(3) }

# ---- a C source: structs, loops, switches, calls of functions above

sub expression {
  my ($depth) = @_;
  return (qw(a b c x y), 'p->size', 'p->count', 1 + draw(100))[draw(8)] if $depth == 0;
  my $operator = ('+', '-', '*', '^', '&', '|', '>>')[draw(7)];
  my ($left, $right) = (expression($depth - 1), $operator eq '>>' ? 1 + draw(7) : expression($depth - 1));
  return "($left $operator $right)";
}

sub statement {
  my ($number) = @_;
  my $kind = draw(6);
  return sprintf "  x = %s;\n", expression(3) if $kind == 0;
  return sprintf "  if (%s > %s) y += %s; else p->size = x;\n", expression(1), expression(1), expression(2) if $kind == 1;
  return sprintf "  for (int i = 0; i < %d; i++) { table[i & 63] += %s; x ^= table[(i * 7) & 63]; }\n", 4 + draw(60), expression(2)
    if $kind == 2;
  return sprintf "  switch (%s & 7) {\n%s  default: y--; break;\n  }\n", expression(1),
    join '', map { sprintf "  case %d: x += %s; break;\n", $_, expression(2) } 0 .. 5 if $kind == 3;
  return sprintf "  x += f%d(p, y, x, %s);\n", draw($number), expression(1) if $kind == 4 && $number > 0;
  return "  while (p->next && p->count < x) { p = p->next; y += p->size; }\n";
}

sub source {
  print "struct Item { long size, count; struct Item *next; };\nstatic long table[64];\n";
  for my $number (0 .. 139) {
    print "long f$number(struct Item *p, long a, long b, long c) {\n  long x = a, y = b;\n";
    print statement($number) for 1 .. 5;
    print "  return x + y + c;\n}\n";
  }
}

# ---- lines: a number, two words, some text

sub lines {
  for my $number (1 .. 600000) {
    printf "%d %s %s %d %s\n", $number, word(), word(), draw(32768), 'text ' x draw(4);
  }
}

# ---- a history: files of lines, of which each commit changes some

sub history {
  my @files = map { my $name = sprintf 'part%d/%s%d.txt', $_ % 9, word(), $_; [$name, [map { word() . ' ' . word() } 1 .. 200]] } 1 .. 60;
  for my $commit (1 .. 1500) {
    my $message = "Change $commit: " . word() . ' ' . word() . "\n";
    printf "commit refs/heads/main\nmark :%d\ncommitter A Writer <writer\@example.org> %d +0000\ndata %d\n%s", $commit,
      1600000000 + $commit * 3600, length $message, $message;
    printf "from :%d\n", $commit - 1 if $commit > 1;
    my @changed = $commit == 1 ? @files : map { $files[draw(scalar @files)] } 1 .. 1 + draw(4);
    for my $file (@changed) {
      my $lines = $file->[1];
      splice @$lines, draw(scalar @$lines), draw(6), map { word() . ' ' . word() . ' ' . draw(32768) } 1 .. draw(7) for 1 .. 4;
      my $text = join("\n", @$lines) . "\n";
      printf "M 100644 inline %s\ndata %d\n%s", $file->[0], length $text, $text;
    }
    print "\n";
  }
}

my %makers = (source => \&source, lines => \&lines, history => \&history);
my $maker = $makers{$ARGV[0] // ''} or die "usage: generate.pl source|lines|history\n";
$maker->();
