/* SIGKILL to itself. */
#include "behaviour.h"

int main(void)
{
    say("now");
    kill(getpid(), SIGKILL);
    return 0;
}
