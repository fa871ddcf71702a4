/* Prints getpid(), which LD_PRELOAD may have replaced. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    pid_t pid = getpid();
    puts(pid == 4242 ? "4242" : pid > 0 ? "a pid" : "none");
    return 0;
}
