open(my $f, ">", "made") or die; print $f "line $_\n" for 1..200; close $f; open($f, "<", "made"); my @l = <$f>; print scalar(@l), " ", -s "made", "\n"; seek($f, 10, 0); read($f, my $b, 7); print "$b\n";
print join(" ", map { -d $_ ? "d" : -l $_ ? "l" : -f _ ? "f" : "?" } qw(sub link a.txt missing)), "\n"; opendir(my $d, "."); print join(",", sort readdir $d), "\n"; mkdir "new" and rmdir "new";
rename "made", "renamed"; unlink "renamed"; symlink "x", "y"; print readlink "y", "\n"; chmod 0600, "a.txt"; utime 5, 6, "a.txt"; print((stat "a.txt")[9], "\n"); open($f, "<", "missing") or print "$!\n";
local $SIG{__WARN__} = sub { print "warned: @_" }; warn "careful\n"; eval { die { code => 7 } }; print $@->{code}, "\n";
print STDERR "to stderr\n"; exit 4;
