/* dl_iterate_phdr: the objects in their order, with the number of program headers and whether a build-time address is at home. */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <string.h>

static int show(struct dl_phdr_info *info, size_t size, void *data)
{
    const char *slash = strrchr(info->dlpi_name, '/');
    int loads = 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        loads += info->dlpi_phdr[i].p_type == PT_LOAD;
    printf("%s phnum %d loads %d tls module %zu\n", slash ? slash + 1 : info->dlpi_name, info->dlpi_phnum, loads, info->dlpi_tls_modid);
    (void)size, (void)data;
    return 0;
}

int main(void) { return dl_iterate_phdr(show, NULL); }
