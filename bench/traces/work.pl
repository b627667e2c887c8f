# The work of perl in the trace: a hash of words, regular expressions, sorting, strings that grow.
use strict;
use warnings;

my $state = 1;
sub draw { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0] }

my (%count, %places);
for my $line (1 .. 8000) {
  my $text = join ' ', map { 'w' . draw(3000) . ('x' x draw(20)) } 1 .. 4;
  while ($text =~ /(\w+?)(x*)(?:\s|$)/g) {
    $count{$1}++;
    push @{$places{$1}}, $line if length $2 > 5;
  }
}
my @byCount = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
my $report = '';
$report .= sprintf "%s: %d (%s)\n", $_, $count{$_}, join ',', @{$places{$_} || []} for @byCount;
delete $places{$_} for grep { $count{$_} < 12 } keys %places;
my %byLength;
push @{$byLength{length $_}}, lc for split /\n/, $report;
print length($report), ' ', scalar(@byCount), ' ', scalar(keys %places), ' ', scalar(keys %byLength), "\n";
