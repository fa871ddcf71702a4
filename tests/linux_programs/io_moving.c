/* splice, tee, vmsplice, sendfile, copy_file_range: bytes from one descriptor to another. */
#include "io.h"
#include <sys/sendfile.h>

int main(void)
{
    int p[2], q[2];
    char buffer[64] = "";
    pipe(p);
    pipe(q);
    int a = open("a", O_CREAT | O_RDWR, 0600), b = open("b", O_CREAT | O_RDWR, 0600);
    write(a, "0123456789", 10);
    loff_t from = 2, to = 1;
    TELL(splice(a, &from, p[1], 0, 4, 0));
    SHOW("%ld", (long)from);
    TELL(tee(p[0], q[1], 3, 0));
    TELL(splice(p[0], 0, b, &to, 4, SPLICE_F_MOVE));
    SHOW("%ld", (long)to);
    TELL(read(q[0], buffer, 64));
    SHOW("%.3s", buffer);
    struct iovec parts[2] = {{"vm", 2}, {"splice", 6}};
    TELL(vmsplice(p[1], parts, 2, 0));
    TELL(read(p[0], buffer, 64));
    SHOW("%.8s", buffer);
    off_t start = 5;
    TELL(sendfile(p[1], a, &start, 100));
    SHOW("%ld", (long)start);
    TELL(read(p[0], buffer, 64));
    SHOW("%.5s", buffer);
    TELL(lseek(a, 0, SEEK_SET));
    TELL(sendfile(q[1], a, 0, 3));
    TELL(lseek(a, 0, SEEK_CUR));
    from = 0;
    to = 8;
    TELL(copy_file_range(a, &from, b, &to, 10, 0));
    SHOW("%ld %ld", (long)from, (long)to);
    TELL(pread(b, buffer, 64, 0));
    for (int i = 0; i < 18; i++)
        printf("%02x", buffer[i]);
    printf("\n");
    TELL(copy_file_range(a, 0, b, 0, 3, 1));
    TELL(splice(a, 0, b, 0, 3, 0));
    TELL(splice(p[0], &from, b, 0, 3, 0));
    TELL(splice(a, NOWHERE, p[1], 0, 3, 0));
    TELL(sendfile(p[1], a, NOWHERE, 3));
    TELL(tee(a, p[1], 3, 0));
    TELL(vmsplice(p[1], NOWHERE, 2, 0));
    parts[0].iov_base = NOWHERE;
    TELL(vmsplice(p[1], parts, 1, 0));
    TELL(splice(700, 0, p[1], 0, 3, 0));
    return 0;
}
