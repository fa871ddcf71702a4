#include "json.h"
#include "system.h"

static char buffer[1 << 18];
static size_t used;
static char last = '[';

void json_flush(void)
{
    for (size_t done = 0; done < used;) {
        long wrote = CALL(SYS_write, 1, buffer + done, used - done, 0, 0);
        if (wrote <= 0)
            CALL(SYS_exit_group, 3, 0, 0, 0, 0);
        done += (size_t)wrote;
    }
    used = 0;
}

static void put(char c)
{
    if (used == sizeof buffer)
        json_flush();
    buffer[used++] = last = c;
}

/* Before every value and key: a comma, unless it is the first or follows its key. */
static void separate(void)
{
    if (last != '{' && last != '[' && last != ':')
        put(',');
}

void json_open(char bracket)
{
    separate();
    put(bracket);
}

void json_close(char bracket)
{
    put(bracket);
}

void json_start_string(void)
{
    separate();
    put('"');
}

void json_piece(const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *text = bytes;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = text[i];
        if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
            put((char)c);
            continue;
        }
        put('\\');
        put('u');
        put('0');
        put('0');
        put(digits[c >> 4]);
        put(digits[c & 15]);
    }
}

void json_end_string(void)
{
    put('"');
}

void json_text(const char *text)
{
    size_t size = 0;
    while (text[size])
        size++;
    json_start_string();
    json_piece(text, size);
    json_end_string();
}

void json_key(const char *name)
{
    json_text(name);
    put(':');
}

void json_hex(const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    json_start_string();
    for (size_t i = 0; i < size; i++) {
        put(digits[from[i] >> 4]);
        put(digits[from[i] & 15]);
    }
    json_end_string();
}

void json_number(uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    separate();
    while (at < sizeof digits)
        put(digits[at++]);
}

void json_signed(int64_t value)
{
    if (value >= 0) {
        json_number((uint64_t)value);
        return;
    }
    separate();
    put('-');
    last = ':'; /* no comma between the sign and its digits */
    json_number(-(uint64_t)value);
}
