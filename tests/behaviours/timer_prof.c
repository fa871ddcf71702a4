/* setitimer ITIMER_PROF: repeated SIGPROF while the program computes; one shot; getitimer; off. */
#include "interval.h"

int main(void)
{
    return keep_time(ITIMER_PROF, SIGPROF);
}
