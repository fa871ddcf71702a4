use strict;
use warnings; my %n; while (<STDIN>) { my ($k) = /(\w+)$/ or next; $n{$k}++ } print map { "$_ $n{$_}\n" } sort keys %n;
(my $s = "Hello World") =~ tr/a-zA-Z/n-za-mN-ZA-M/; print "$s\n";
print join(",", map { sprintf "%03d", $_ * 2 } grep { $_ % 2 } 1..9), "\n";
print "yes $1 $+{year}\n" if "on 2024-02-29" =~ /(?<year>\d{4})-(\d\d)/; print scalar reverse("abc"), lc("ABC"), ucfirst("x"), sprintf("%.6f %e %g", 1/3, 12345.678, 1e-5), "\n";
print join("|", sort { $b <=> $a } 10, 9, 100, 1), " ", 2**53, " ", 10 % 3, " ", -7 / 2, " ", int(-3.5), " ", "inf" + 0, "\n";
