/* Data in the code that has to be relocated there. */
#include <stdint.h>

int32_t number = 77;
__asm__(".text\n.balign 8\n.hidden in_text\n.globl in_text\nin_text: .quad number\n");
extern int32_t *volatile in_text __attribute__((visibility("hidden")));

int ask(void) { return *in_text; }
void store(void) { in_text = 0; }
