/* Files, as far as the probe reads them. Nothing of what it opens is open while something else is looked at. */
#ifndef PROBE_FILE_H
#define PROBE_FILE_H

#include "json.h"
#include "system.h"

void show_file(const char *key, const char *path);                /* the content, or the negative errno */
void show_link(const char *key, const char *path);                /* where a link leads, or the negative errno */
void show_entry_count(const char *key, const char *directory);    /* how many names a directory has, "." and ".." too */
char *append(char *to, const char *text);                         /* returns where the NUL is */
char *append_number(char *to, uint64_t value);

#endif
