/* /proc/self, as the program itself and everybody else sees the process. */
#include "entry.h"
#include "file.h"
#include "json.h"

void show_proc(void)
{
    static const char files[][16] = {
        "cmdline", "environ", "auxv", "comm", "limits", "status", "cgroup", "coredump_filter", "oom_score_adj", "loginuid",
        "sessionid", "timerslack_ns", "timers", "personality", "attr/current", "attr/prev", "attr/exec",
    };
    static const char links[][8] = { "exe", "cwd", "root" };
    char path[64];
    json_key("proc");
    json_open('{');
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        append(append(path, "/proc/self/"), files[i]);
        show_file(files[i], path);
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        append(append(path, "/proc/self/"), links[i]);
        show_link(links[i], path);
    }
    show_entry_count("tasks", "/proc/self/task");
    json_close('}');
}
