/* A real-time signal without a handler ends the program by that signal. */
#include "behaviour.h"

int main(void)
{
    say("now");
    raise(SIGRTMIN + 6);
    return 0;
}
