/* Carries out a script from standard input in the window: one operation a line, its numbers in pages from the window's start. After each the result,
 * at the end the accesses, first bytes and mappings of the first 64 pages.
 *   m PAGE COUNT PROT KIND   mmap: KIND 0 private, 1 shared, 2 private file, 3 shared file, 4 noreplace
 *   u PAGE COUNT             munmap          p PAGE COUNT PROT       mprotect
 *   r PAGE OLD NEW FLAGS TO  mremap          a PAGE COUNT ADVICE     madvise
 *   w PAGE BYTE              stores a byte, by a system call                                                     */
#include "mm_common.h"

int main(void)
{
    begin();
    int file = make_file("mm_script", 24, 0);
    char line[128], operation;
    unsigned long n[5];
    while (fgets(line, sizeof line, stdin)) {
        memset(n, 0, sizeof n);
        if (sscanf(line, "%c %lu %lu %lu %lu %lu", &operation, &n[0], &n[1], &n[2], &n[3], &n[4]) < 2)
            continue;
        unsigned long at = window + n[0] * P, size = n[1] * P;
        line[strcspn(line, "\n")] = 0;
        static const int kinds[] = { ANON | MAP_FIXED, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, MAP_PRIVATE | MAP_FIXED, MAP_SHARED | MAP_FIXED, ANON | MAP_FIXED_NOREPLACE };
        switch (operation) {
        case 'm':
            say(line, do_mmap(at, size, (int)n[2], kinds[n[3] % 5], n[3] == 2 || n[3] == 3 ? file : -1, n[3] == 2 || n[3] == 3 ? (long)(n[0] % 20 * P) : 0));
            break;
        case 'u':
            say(line, do_munmap(at, size));
            break;
        case 'p':
            say(line, do_mprotect(at, size, n[2]));
            break;
        case 'r': {
            long got = do_mremap(at, size, n[2] * P, (int)n[3], window + n[4] * P);
            say(line, got);
            if (got != -1 && ((unsigned long)got < window || (unsigned long)got >= window + WINDOW)) {
                show_bytes("moved", (unsigned long)got, n[2]);
                do_munmap((unsigned long)got, n[2] * P);
            }
            break;
        }
        case 'a':
            say(line, do_madvise(at, size, (int)n[2]));
            break;
        case 'w': {
            char byte = (char)n[1];
            if (write(channel[1], &byte, 1) != 1)
                return 1;
            if (say(line, read(channel[0], (void *)at, 1)) == -1 && read(channel[0], &byte, 1) != 1)
                return 2;
            break;
        }
        }
    }
    show_access("access", window, 64);
    show_bytes("bytes", window, 64);
    show_maps("maps", window, window + 64 * P);
    return 0;
}
