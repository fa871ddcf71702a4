/* What an emulator cannot give is refused cleanly, as a kernel without it would: an error that programs know, never a crash. */
#include <sys/ptrace.h>

#include "behaviour.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

/* Given, and then closed again, or refused with one of the errors by which programs know. */
static void try(const char *name, long result)
{
    int clean = result >= 0 || errno == ENOSYS || errno == EPERM || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSPC || errno == EFAULT || errno == EACCES || errno == E2BIG || errno == ESRCH;
    say("%s: %s", name, clean ? "clean" : error_name(errno));
    if (result > 2)
        close((int)result);
}

int main(void)
{
    char parameters[256] = {0};
    try("io_uring_setup", syscall(SYS_io_uring_setup, 4, parameters));
    try("landlock", syscall(SYS_landlock_create_ruleset, NULL, 0, 1));
    try("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
    try("bpf", syscall(SYS_bpf, 0, parameters, 16));
    try("perf_event_open", syscall(SYS_perf_event_open, parameters, 0, -1, -1, 0));
    try("userfaultfd", syscall(SYS_userfaultfd, 0));
    try("seccomp", syscall(SYS_seccomp, 1, 0, NULL));
    try("pkey_alloc", syscall(SYS_pkey_alloc, 0, 0));
    try("ptrace", ptrace(PTRACE_PEEKDATA, 1, 0, 0));
    say("no such call: %s", outcome(syscall(5000)));
    say("negative call: %s", outcome(syscall(-5)));
    return 0;
}
