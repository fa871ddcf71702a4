/* execve of a script whose #! line names this very program: it gets the line's argument, the script's name and the arguments. */
#include "behaviour.h"

int main(int count, char **arguments)
{
    if (count > 1) {
        for (int i = 1; i < count; i++)
            say("%d: %s", i, arguments[i]);
        return 17;
    }
    char self[1000] = "", line[1200];
    NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    int fd = open("script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    int size = snprintf(line, sizeof line, "#! %s  first argument \nrest\n", self);
    NEED(write(fd, line, (size_t)size) == size);
    close(fd);
    fd = open("nested", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    NEED(write(fd, "#!./script\n", 11) == 11);
    close(fd);
    fd = open("lost", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    NEED(write(fd, "#!/does/not/exist\n", 18) == 18);
    close(fd);
    char *list[] = {"ignored", "a", "b c", NULL};
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"./script", "./nested", "./lost"};
        pid_t child = fork();
        NEED(child >= 0);
        if (!child) {
            execv(names[i], list);
            say("%s: %s", names[i], error_name(errno));
            _exit(1);
        }
        say("%s", wait_text(child));
    }
    return 0;
}
