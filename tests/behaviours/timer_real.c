/* setitimer ITIMER_REAL: repeated SIGALRM while the program computes; one shot; getitimer; off. */
#include "interval.h"

int main(void)
{
    return keep_time(ITIMER_REAL, SIGALRM);
}
