/* execve that fails: missing, not executable, a folder, no program, a broken one, too many arguments, a bad pointer; the program goes on. */
#include "behaviour.h"

static void put(const char *name, const char *content, size_t size, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    NEED(fd >= 0 && write(fd, content, size) == (ssize_t)size && fchmod(fd, mode) == 0);
    close(fd);
}

static void try(const char *name)
{
    char *list[] = {(char *)(uintptr_t)name, NULL};
    execve(name, list, list + 1);
    say("%s: %s", *name ? name : "(empty)", error_name(errno));
}

int main(void)
{
    put("plain", "#!/bin/sh\n", 10, 0600);
    put("text", "hello\n", 6, 0700);
    put("nothing", "", 0, 0700);
    put("broken", "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\0\0", 20, 0700);
    try("/does/not/exist");
    try("");
    try("./plain");
    try("/");
    try("./text");
    try("./nothing");
    try("./broken");
    try("./plain/below");
    NEED(symlink("loop", "loop") == 0);
    try("./loop");
    static char huge[200000];
    memset(huge, 'x', sizeof huge - 1);
    char *list[] = {"x", huge, NULL};
    execve("/proc/self/exe", list, list + 2);
    say("an argument too long: %s", error_name(errno));
    execve((char *)16, list, list + 2);
    say("bad name: %s", error_name(errno));
    execve("/proc/self/exe", (char **)16, list + 2);
    say("bad list: %s", error_name(errno));
    return 4;
}
