/* argc, argv, envp and auxv, and the strings that they point to. */
#include "entry.h"
#include "json.h"

enum { AT_PLATFORM = 15, AT_BASE_PLATFORM = 24, AT_RANDOM = 25, AT_EXECFN = 31 };

/* Shows a NULL-terminated array of strings, and where each lies; returns the word after it. */
static const uint64_t *show_strings(const char *name, const char *where, const uint64_t *array)
{
    json_key(name);
    json_open('[');
    for (const uint64_t *word = array; *word; word++)
        json_text((const char *)*word);
    json_close(']');
    json_key(where);
    json_open('[');
    for (; *array; array++)
        json_number(*array);
    json_close(']');
    return array + 1;
}

static void show_auxv(const uint64_t *auxv)
{
    json_key("auxv");
    json_open('[');
    const uint64_t *pair = auxv;
    do {
        json_open('[');
        json_number(pair[0]);
        json_number(pair[1]);
        json_close(']');
        pair += 2;
    } while (pair[-2]);
    json_close(']');
    json_key("auxv_strings");
    json_open('{');
    for (pair = auxv; pair[0]; pair += 2) {
        if (pair[0] == AT_PLATFORM || pair[0] == AT_BASE_PLATFORM || pair[0] == AT_EXECFN) {
            json_key(pair[0] == AT_PLATFORM ? "AT_PLATFORM" : pair[0] == AT_EXECFN ? "AT_EXECFN" : "AT_BASE_PLATFORM");
            json_text((const char *)pair[1]);
        } else if (pair[0] == AT_RANDOM) {
            json_key("AT_RANDOM");
            json_hex((const void *)pair[1], 16);
        }
    }
    json_close('}');
}

void show_arguments(void)
{
    const uint64_t *words = (const uint64_t *)entry.sp;
    json_member("argc", words[0]);
    const uint64_t *env = show_strings("argv", "argv_at", words + 1);
    const uint64_t *auxv = show_strings("env", "env_at", env);
    json_member("env_array_at", (uint64_t)env);
    json_member("auxv_at", (uint64_t)auxv);
    show_auxv(auxv);
}
