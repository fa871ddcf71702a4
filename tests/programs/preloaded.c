/* For LD_PRELOAD: takes getpid over and says so when it is loaded. */
#include <unistd.h>

__attribute__((constructor)) static void loaded(void) { (void)!write(1, "preloaded\n", 10); }

pid_t getpid(void) { return 4242; }
