/* Writes a title over its arguments and its environment, as setproctitle does, and shows /proc/self/cmdline. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv, char **envp)
{
    char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
    char *arguments_end = end;
    for (; *envp && *envp == end; envp++)
        end += strlen(end) + 1;
    printf("contiguous %d\n", end > arguments_end);
    memset(argv[0], 0, (size_t)(end - argv[0]));
    strcpy(argv[0], "a title that is longer than all of the arguments were: [busy] ");
    char text[4096] = "";
    FILE *cmdline = fopen("/proc/self/cmdline", "r");
    size_t size = fread(text, 1, sizeof text - 1, cmdline);
    printf("%zu %s\n", strlen(text), text);
    return size == 0;
}
