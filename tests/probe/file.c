#include "file.h"

void show_file(const char *key, const char *path)
{
    char bytes[4096];
    json_key(key);
    long fd = CALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, 0);
    if (fd < 0) {
        json_signed(fd);
        return;
    }
    json_start_string();
    long size;
    while ((size = CALL(SYS_read, fd, bytes, sizeof bytes, 0, 0)) > 0)
        json_piece(bytes, (size_t)size);
    json_end_string();
    CALL(SYS_close, fd, 0, 0, 0, 0);
}

void show_link(const char *key, const char *path)
{
    char target[4096];
    json_key(key);
    long size = CALL(SYS_readlinkat, AT_FDCWD, path, target, sizeof target, 0);
    if (size < 0) {
        json_signed(size);
        return;
    }
    json_start_string();
    json_piece(target, (size_t)size);
    json_end_string();
}

void show_entry_count(const char *key, const char *directory)
{
    struct entry_head { uint64_t inode; int64_t offset; uint16_t size; };
    _Alignas(8) char bytes[4096];
    int64_t count = CALL(SYS_openat, AT_FDCWD, directory, O_RDONLY | O_CLOEXEC, 0, 0);
    if (count >= 0) {
        long fd = count, size;
        count = 0;
        while ((size = CALL(SYS_getdents64, fd, bytes, sizeof bytes, 0, 0)) > 0)
            for (long at = 0; at < size; at += ((const struct entry_head *)(bytes + at))->size)
                count++;
        CALL(SYS_close, fd, 0, 0, 0, 0);
    }
    json_signed_member(key, count);
}

char *append(char *to, const char *text)
{
    while ((*to = *text++) != 0)
        to++;
    return to;
}

char *append_number(char *to, uint64_t value)
{
    if (value >= 10)
        to = append_number(to, value / 10);
    *to = (char)('0' + value % 10);
    to[1] = 0;
    return to + 1;
}
