"""What Linux's exec would do, computed: values to a LoadPlan. The kernel's rules live here, once each; kernel behaviour is that
of Linux 6.18 unless a comment names another version."""
