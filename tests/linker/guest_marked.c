/* Code with landing pads, where the machine has them. */
int answer(void) { return 5; }
