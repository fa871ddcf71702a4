/* Libraries that need each other; -DNAME=... says which one this is. */
#define JOIN(a, b) a##b
#define JOINED(a, b) JOIN(a, b)

int JOINED(in_, NAME)(void) { return NUMBER; }

#if NUMBER == 1 /* top: needs left and right */
int which(void);
int left_count(void), right_count(void), deep_asks_top(void);
int ask_which(void) { return which(); }
int counted(void) { return 10 * left_count() + right_count(); }
int around(void) { return deep_asks_top(); }
#elif NUMBER == 2 /* left: needs deep and base */
int count(void);
int left_count(void) { return count(); }
#elif NUMBER == 3 /* right: needs base */
int count(void);
int which(void) { return NUMBER; }
int right_count(void) { return count(); }
#elif NUMBER == 4 /* deep: needs top, a cycle */
int in_top(void);
int which(void) { return NUMBER; }
int deep_asks_top(void) { return 10 * in_top(); }
#else /* base */
static int calls;
int count(void) { return ++calls; }
#endif
