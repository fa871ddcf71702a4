use strict; use warnings; use POSIX ":sys_wait_h"; $| = 1; # fork, wait, alarm, pipes to and from children, signals
my @children = map { my $n = $_; my $child = fork; die unless defined $child; exit $n if !$child; $child } 1 .. 20;
my %ended; while ((my $child = wait) > 0) { $ended{$child} = $? >> 8 } print join(",", map { $ended{$_} } @children), "\n";
eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; select(undef, undef, undef, 30); alarm 0 }; print "got $@", alarm(0) // "none", "\n";
pipe(my $r, my $w); if (!fork) { close $r; print $w "line $_\n" for 1 .. 3; close $w; exit 0 } close $w; print while <$r>; wait;
my $killed = fork; if (!$killed) { sleep 100; exit } kill KILL => $killed; waitpid $killed, 0; print "signal ", $? & 127, "\n";
$SIG{CHLD} = sub { while ((my $child = waitpid(-1, WNOHANG)) > 0) { print "reaped ", $? >> 8, "\n" } };
if (!fork) { select undef, undef, undef, .05; exit 9 } sleep 100; $SIG{CHLD} = "DEFAULT";
print `echo out; echo err >&2; exit 3`, $? >> 8, "\n"; open(my $sorted, "-|", "sort", "b.txt") or die; print <$sorted>; close $sorted;
open(my $to, "|-") // die or do { print "child got $_" while <STDIN>; exit 5 }; print $to "text\n"; close $to; print $? >> 8, "\n";
print system("sh", "-c", "exit 4") >> 8, " ", system("sh", "-c", 'kill -TERM $$') & 127, " ", system("no_such_program"), "\n";
$SIG{HUP} = sub { print "hup\n" }; kill HUP => $$; setpgrp; print getpgrp == $$ ? "leader\n" : "no leader\n";
my $end = time + 100; alarm 1; 1 while time < $end; # dies of it
