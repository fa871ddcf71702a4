/* execve of /proc/self/exe, five times over; the name by which a program finds itself stays right. */
#include "behaviour.h"

int main(int count, char **arguments)
{
    char link[1000] = "", text[16], comm[32] = "";
    int depth = count > 1 ? atoi(arguments[1]) : 0;
    NEED(readlink("/proc/self/exe", link, sizeof link - 1) > 0);
    int fd = open("/proc/self/comm", O_RDONLY);
    NEED(fd >= 0 && read(fd, comm, sizeof comm - 1) > 0);
    close(fd);
    say("%d: finds itself %d, named %d", depth, access(link, X_OK) == 0, strlen(comm) > 1);
    if (depth == 5)
        return 5;
    snprintf(text, sizeof text, "%d", depth + 1);
    char *list[] = {arguments[0], text, NULL};
    execv(depth % 2 ? link : "/proc/self/exe", list);
    say("%s", error_name(errno));
    return 1;
}
