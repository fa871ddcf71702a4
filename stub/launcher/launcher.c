/* The `miniload` command itself: starts Python the way the command needs it.
 *
 * A script with a `#!` line could not do three things. CPython ignores SIGPIPE and SIGXFSZ before it runs the first line, and
 * keeps no record of what they were, which the program has to inherit. PYTHONHOME, PYTHONPATH and their like are meant for the
 * program and must not reach the Python that loads it (-I). And site initialisation, a quarter of Python's start-up, is not
 * needed (-S). Nor must what the user tells the dynamic linker and malloc (LD_PRELOAD, LD_DEBUG, ...) reach that Python: those
 * variables travel under other names, and miniload's cli.py gives the program the right ones.
 *
 * Which Python: the one that the installer wrote into the `#!` line of `miniload-run`, the script beside this file, which is
 * then run as PYTHON -I -S miniload-run --launched=SIGNALS ARGUMENTS...
 */
#include "stub.h"

enum { PATH_SIZE = 4096, SIGINT = 2, SIGPIPE = 13, SIGXFSZ = 25, SIG_IGN = 1, SIG_BLOCK = 0, SIGSET_SIZE = 8, OWN_WORDS = 6, FAILED = 125 };

uint8_t stub_stack[16384] __attribute__((aligned(16)));

struct script {
    char path[PATH_SIZE];
    char head[2 * PATH_SIZE]; /* its first bytes; the interpreter's name is cut out of them */
};

static size_t length(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    return n;
}

static void complain(const char *what, const char *path)
{
    static const char prefix[] = "miniload: ";
    SYS(SYS_write, 2, prefix, sizeof prefix - 1, 0, 0);
    SYS(SYS_write, 2, path, length(path), 0, 0);
    SYS(SYS_write, 2, what, length(what), 0, 0);
    for (;;)
        SYS(SYS_exit_group, FAILED, 0, 0, 0, 0);
}

static int ignored(int signal)
{
    struct { uint64_t handler, flags, restorer, mask, more[4]; } action = {0};
    long error = SYS(SYS_rt_sigaction, signal, 0, &action, SIGSET_SIZE, 0);
    return !failed(error) && action.handler == SIG_IGN;
}

/* Until miniload-run has given SIGINT its default back: CPython makes a traceback of one that comes while it starts. Whether it was blocked before. */
static int block_interrupt(void)
{
    uint64_t mask = 1 << (SIGINT - 1), before = 0;
    long error = SYS(SYS_rt_sigprocmask, SIG_BLOCK, &mask, &before, SIGSET_SIZE, 0);
    return failed(error) || before & mask;
}

/* Where this file lies, symbolic links resolved; without /proc, as it was called. */
static void find_script(struct script *script, const char *execfn)
{
    static const char name[] = "miniload-run";
    long size = SYS(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", script->path, PATH_SIZE - sizeof name, 0);
    if (failed(size)) {
        size = (long)length(execfn);
        if (size > (long)(PATH_SIZE - sizeof name))
            complain(": path too long\n", execfn);
        memcpy(script->path, execfn, (size_t)size);
    }
    while (size > 0 && script->path[size - 1] != '/')
        size--;
    memcpy(script->path + size, name, sizeof name);
}

static void read_head(struct script *script)
{
    long fd = SYS(SYS_openat, AT_FDCWD, script->path, O_RDONLY | O_CLOEXEC, 0, 0);
    long size = failed(fd) ? fd : SYS(SYS_read, fd, script->head, sizeof script->head - 1, 0, 0);
    if (failed(size))
        complain(": cannot be read, and miniload needs it: install miniload again\n", script->path);
    script->head[size] = 0;
    SYS(SYS_close, fd, 0, 0, 0, 0);
}

static char *after(char *text, const char *prefix)
{
    for (; *prefix; prefix++, text++)
        if (*text != *prefix)
            return NULL;
    return text;
}

/* Installers write `#!PYTHON`, or, where that is too long for a kernel or has blanks in it, a shell line:
 *     #!/bin/sh
 *     '''exec' "PYTHON" "$0" "$@" */
static char *interpreter(struct script *script)
{
    char *start = after(script->head, "#!/bin/sh\n'''exec' "), end = ' ';
    if (!start) {
        start = after(script->head, "#!");
        end = '\n';
    } else if (*start == '"') {
        start++;
        end = '"';
    }
    if (!start)
        complain(": names no Python: install miniload again\n", script->path);
    char *stop = start;
    while (*stop && *stop != end && *stop != '\n')
        stop++;
    *stop = 0;
    return start;
}

/* Or renamed already, by whoever: it gets the prefix a second time, and cli.py takes one away. */
static int meant_for_libc(char *entry)
{
    return after(entry, "LD_") || after(entry, "MALLOC_") || after(entry, "GLIBC_TUNABLES=") || after(entry, "MINILOAD_KEEP_");
}

/* A copy of the environment, its order kept, with those variables renamed. */
static char **environment(char **envp, const char *path)
{
    static const char prefix[] = "MINILOAD_KEEP_";
    size_t count = 0, room = 0;
    for (char **entry = envp; *entry; entry++, count++)
        room += meant_for_libc(*entry) ? sizeof prefix + length(*entry) : 0;
    long memory = map(0, (count + 1) * sizeof(char *) + room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (failed(memory))
        complain(": out of memory\n", path);
    char **list = (char **)memory, *text = (char *)(list + count + 1);
    for (size_t i = 0; i < count; i++) {
        list[i] = envp[i];
        if (!meant_for_libc(envp[i]))
            continue;
        list[i] = text;
        memcpy(text, prefix, sizeof prefix - 1);
        memcpy(text + sizeof prefix - 1, envp[i], length(envp[i]) + 1);
        text += sizeof prefix + length(envp[i]);
    }
    return list;
}

void stub_main(uint64_t *sp)
{
    static struct script script;
    char launched[] = "--launched=....";
    struct kernel_stack kernel = {0};
    read_kernel_stack(&kernel, sp);
    const uint64_t *execfn = auxv_entry(&kernel, AT_EXECFN);
    find_script(&script, execfn ? (const char *)*execfn : "");
    read_head(&script);

    char *mark = launched + sizeof launched - 5;
    *mark++ = ignored(SIGPIPE) ? 'p' : '-';
    *mark++ = ignored(SIGXFSZ) ? 'x' : '-';
    *mark++ = block_interrupt() ? 'i' : '-';
    *mark = 0;
    uint64_t words = kernel.argc + OWN_WORDS;
    long list = map(0, words * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (failed(list))
        complain(": out of memory\n", script.path);
    char **argv = (char **)list, **next = argv;
    *next++ = interpreter(&script);
    *next++ = (char[]){"-I"};
    *next++ = (char[]){"-S"};
    *next++ = script.path;
    *next++ = launched;
    for (uint64_t i = 1; i < kernel.argc; i++)
        *next++ = kernel.argv[i];
    *next = NULL;
    if (SYS(SYS_execve, argv[0], argv, environment(kernel.envp, script.path), 0, 0) == -E2BIG)
        complain(": argument list too long\n", argv[0]);
    complain(": cannot be executed, and miniload needs this Python: install miniload again\n", argv[0]);
}
