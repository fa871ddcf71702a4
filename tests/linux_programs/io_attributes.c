/* Extended attributes. */
#include "io.h"
#include <sys/xattr.h>

int main(void)
{
    char buffer[64] = "";
    int fd = open("file", O_CREAT | O_RDWR, 0600);
    TELL(symlink("file", "link"));
    TELL(setxattr("file", "user.one", "value", 5, 0));
    TELL(fsetxattr(fd, "user.two", "", 0, XATTR_CREATE));
    TELL(setxattr("link", "user.one", "other", 5, XATTR_CREATE));
    TELL(setxattr("file", "user.three", "x", 1, XATTR_REPLACE));
    TELL(setxattr("file", "wrong", "x", 1, 0));
    TELL(getxattr("link", "user.one", buffer, 64));
    SHOW("%.5s", buffer);
    TELL(fgetxattr(fd, "user.one", 0, 0));
    TELL(fgetxattr(fd, "user.one", buffer, 2));
    TELL(lgetxattr("link", "user.one", buffer, 64));
    TELL(listxattr("file", 0, 0));
    TELL(flistxattr(fd, buffer, 64));
    TELL(flistxattr(fd, buffer, 3));
    TELL(removexattr("file", "user.two"));
    TELL(fremovexattr(fd, "user.two"));
    TELL(listxattr("file", buffer, 64));
    SHOW("%s", buffer);
    TELL(getxattr("file", "user.one", NOWHERE, 64));
    TELL(getxattr("nothing", "user.one", buffer, 64));
    TELL(setxattr("file", "user.x", NOWHERE, 4, 0));
    return 0;
}
