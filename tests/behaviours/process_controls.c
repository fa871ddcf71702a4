/* prctl options that every kernel has and an emulator may forget: what they give, what they refuse, and what PR_SET_MDWE forbids from then on. */
#include <sys/prctl.h>

#include "behaviour.h"

enum { SET_MDWE = 65, GET_MDWE = 66, GET_AUXV = 0x41555856 };

static const char *told(long result)
{
    static char text[4][32];
    static int next;
    if (result == -1)
        return error_name(errno);
    return snprintf(text[next &= 3], sizeof text[0], "%ld", result), text[next++];
}

static void memory(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    say("  written, then executed: %s", outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC)));
    say("  both: %s", outcome((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
    char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("  executed: %s", outcome((long)code));
    say("  executed, then written: %s", outcome(mprotect(code, 4096, PROT_READ | PROT_WRITE)));
    say("  executed again: %s", outcome(mprotect(code, 4096, PROT_READ | PROT_EXEC)));
}

int main(int count, char **arguments)
{
    unsigned long vector[128] = {0};
    if (count > 1) {
        say("after exec: %s", told(prctl(GET_MDWE, 0, 0, 0, 0)));
        memory();
        return 0;
    }
    say("timing: %s, %s, %s", told(prctl(PR_GET_TIMING)), told(prctl(PR_SET_TIMING, PR_TIMING_STATISTICAL)), told(prctl(PR_SET_TIMING, 1)));
    say("events: %s, %s", told(prctl(PR_TASK_PERF_EVENTS_DISABLE)), told(prctl(PR_TASK_PERF_EVENTS_ENABLE)));
    say("machine checks: %s", told(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)));
    say("set early: %s, now %s", told(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0)), told(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)));
    say("unknown: %s, %s", told(prctl(PR_MCE_KILL, 2, 0, 0, 0)), told(prctl(1000, 0, 0, 0, 0)));
    say("vector: %d, first %d", prctl(GET_AUXV, vector, sizeof vector, 0, 0) > 64, vector[0] != 0);
    say("vector, wrong: %s, %s", told(prctl(GET_AUXV, 1, 64, 0, 0)), told(prctl(GET_AUXV, vector, 64, 1, 0)));
    say("denial: %s, set %s, %s, %s", told(prctl(GET_MDWE, 0, 0, 0, 0)), told(prctl(SET_MDWE, 2, 0, 0, 0)), told(prctl(SET_MDWE, 8, 0, 0, 0)), told(prctl(SET_MDWE, 1, 1, 0, 0)));
    memory();
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        say("not inherited: set %s, now %s", told(prctl(SET_MDWE, 3, 0, 0, 0)), told(prctl(GET_MDWE, 0, 0, 0, 0)));
        memory();
        say("lifted: %s, %s", told(prctl(SET_MDWE, 0, 0, 0, 0)), told(prctl(SET_MDWE, 1, 0, 0, 0)));
        pid_t second = fork();
        NEED(second >= 0);
        if (!second) {
            say("in its child: %s", told(prctl(GET_MDWE, 0, 0, 0, 0)));
            _exit(3);
        }
        say("%s", wait_text(second));
        _exit(2);
    }
    say("%s", wait_text(child));
    say("inherited: set %s, now %s", told(prctl(SET_MDWE, 1, 0, 0, 0)), told(prctl(GET_MDWE, 0, 0, 0, 0)));
    child = fork();
    NEED(child >= 0);
    if (!child) {
        say("in its child: %s", told(prctl(GET_MDWE, 0, 0, 0, 0)));
        execl("/proc/self/exe", arguments[0], "again", (char *)NULL);
    }
    say("%s", wait_text(child));
    return 0;
}
