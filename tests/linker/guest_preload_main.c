/* The program that LD_PRELOAD is compared with. */
extern int ask(int);
int main(void) { return ask(4); }
