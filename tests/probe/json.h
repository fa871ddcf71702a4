/* Writes JSON to standard output. Commas are put by themselves; strings are bytes, each the code point of its value, so that a
 * reader gets the very bytes by encoding as Latin-1. */
#ifndef PROBE_JSON_H
#define PROBE_JSON_H

#include <stddef.h>
#include <stdint.h>

void json_open(char bracket);                         /* { or [ */
void json_close(char bracket);                        /* } or ] */
void json_key(const char *name);
void json_number(uint64_t value);
void json_signed(int64_t value);
void json_text(const char *text);
void json_hex(const void *bytes, size_t size);
void json_start_string(void);                         /* a string in pieces */
void json_piece(const void *bytes, size_t size);
void json_end_string(void);
void json_flush(void);

static inline void json_member(const char *name, uint64_t value)
{
    json_key(name);
    json_number(value);
}

static inline void json_signed_member(const char *name, int64_t value)
{
    json_key(name);
    json_signed(value);
}

#endif
