/* What start-up is measured with. */
#include <stdio.h>

int main(void)
{
    return puts("hello") == EOF;
}
