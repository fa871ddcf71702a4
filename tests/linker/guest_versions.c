/* Two versions of one function, and what its own default is. */
__asm__(".symver old_answer, answer@V1");
__asm__(".symver new_answer, answer@@V2");
int old_answer(void) { return 1; }
int new_answer(void) { return 2; }
