/* The stub's words: one line on stderr for a failure (exit status 127), one for -v. */
#include "stub.h"

struct line {
    char text[512];
    size_t used;
};

static void add(struct line *line, const char *text)
{
    while (*text && line->used < sizeof line->text - 1)
        line->text[line->used++] = *text++;
}

static void add_number(struct line *line, uint64_t value)
{
    char digits[21];
    size_t at = sizeof digits - 1;
    digits[at] = 0;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    add(line, digits + at);
}

static void add_errno(struct line *line, long error)
{
    static const struct { int8_t number; char name[8]; } names[] = {
        {EPERM, "EPERM"}, {ENOENT, "ENOENT"}, {ENOMEM, "ENOMEM"}, {EACCES, "EACCES"}, {EBUSY, "EBUSY"},
        {EEXIST, "EEXIST"}, {EINVAL, "EINVAL"}, {ENOSYS, "ENOSYS"}, {ESTALE, "ESTALE"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == error) {
            add(line, names[i].name);
            return;
        }
    add(line, "errno ");
    add_number(line, (uint64_t)error);
}

static void say(struct line *line)
{
    line->text[line->used++] = '\n';
    SYS(SYS_write, 2, line->text, line->used, 0, 0);
}

static void start(struct line *line, const struct run *run)
{
    line->used = 0;
    add(line, "miniload: ");
    add(line, run->name ? run->name : "stub");
    add(line, ": ");
}

void die(const struct run *run, const char *what, long error)
{
    struct line line;
    start(&line, run);
    add(&line, what);
    if (error) {
        add(&line, ": ");
        add_errno(&line, -error);
    }
    say(&line);
    for (;;)
        SYS(SYS_exit_group, 127, 0, 0, 0, 0);
}

void report_level(const struct run *run, int leaves_page)
{
    struct line line;
    start(&line, run);
    add(&line, run->mm_error ? "level plain" : run->exe_error ? "level full" : "level full+exe");
    if (run->mm_error) {
        add(&line, " (the heap, /proc/self/auxv and stat are the stub's: PR_SET_MM_MAP gave ");
        add_errno(&line, run->mm_error);
        add(&line, ")");
    } else if (run->exe_error) {
        add(&line, " (/proc/self/exe is the stub: setting it gave ");
        add_errno(&line, run->exe_error);
        add(&line, run->exe_error == EPERM ? ", it needs CAP_CHECKPOINT_RESTORE)" : ")");
    }
    add(&line, leaves_page ? "; one page of miniload stays mapped" : "; nothing of miniload stays mapped");
    say(&line);
}
