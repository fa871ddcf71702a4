/* setitimer ITIMER_VIRTUAL: repeated SIGVTALRM while the program computes; one shot; getitimer; off. */
#include "interval.h"

int main(void)
{
    return keep_time(ITIMER_VIRTUAL, SIGVTALRM);
}
