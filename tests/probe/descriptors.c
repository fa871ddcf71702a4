/* Open file descriptors. Found by asking for each number, so that it needs no /proc and opens nothing itself. */
#include "entry.h"
#include "file.h"
#include "json.h"

enum { F_GETFD = 1, F_GETFL = 3, DESCRIPTORS = 1024 };

void show_descriptors(void)
{
    char path[64];
    json_key("descriptors");
    json_open('[');
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        long flags = CALL(SYS_fcntl, fd, F_GETFD, 0, 0, 0);
        if (flags < 0)
            continue;
        json_open('{');
        json_signed_member("fd", fd);
        json_signed_member("fd_flags", flags);
        json_signed_member("status_flags", CALL(SYS_fcntl, fd, F_GETFL, 0, 0, 0));
        append_number(append(path, "/proc/self/fd/"), (uint64_t)fd);
        show_link("link", path);
        append_number(append(path, "/proc/self/fdinfo/"), (uint64_t)fd);
        show_file("info", path);
        json_close('}');
    }
    json_close(']');
}
