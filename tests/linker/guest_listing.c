/* What a library is told of itself by those functions that list objects. */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

__thread int own = 3;
static uintptr_t here;

struct seen {
    int objects, here, frames, own_block;
    unsigned long long changes;
};

static int look(struct dl_phdr_info *info, size_t size, void *user)
{
    struct seen *seen = user;
    const char *frames = NULL;
    size_t block = 0;
    int holds = 0;
    seen->objects++;
    seen->changes = info->dlpi_adds + info->dlpi_subs;
    for (int i = 0; i < info->dlpi_phnum && size; i++) {
        const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
        if (phdr->p_type == PT_LOAD && here - info->dlpi_addr - phdr->p_vaddr < phdr->p_memsz)
            holds = 1;
        if (phdr->p_type == PT_GNU_EH_FRAME)
            frames = (const char *)(info->dlpi_addr + phdr->p_vaddr);
        if (phdr->p_type == PT_TLS)
            block = phdr->p_memsz;
    }
    if (holds) {
        seen->here++;
        seen->frames = frames && *frames == 1;
        seen->own_block = block && info->dlpi_tls_modid && (!info->dlpi_tls_data || (uintptr_t)&own - (uintptr_t)info->dlpi_tls_data < block);
    }
    return 0;
}

/* 111: it is listed once, has a table of frames, and its block of thread-local storage, if ld.so tells where that is,
 * is this thread's. */
int listed(void)
{
    struct seen seen = {0};
    here = (uintptr_t)listed;
    own++;
    dl_iterate_phdr(look, &seen);
    return 100 * seen.here + 10 * seen.frames + seen.own_block;
}

static void *thread(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)listed();
}

int listed_in_thread(void)
{
    pthread_t other;
    void *result = NULL;
    return pthread_create(&other, NULL, thread, NULL) || pthread_join(other, &result) ? -1 : (int)(intptr_t)result;
}

/* How often objects came and went. */
unsigned long long changes(void)
{
    struct seen seen = {0};
    dl_iterate_phdr(look, &seen);
    return seen.changes;
}

static int stop(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)info;
    (void)size;
    return ++*(int *)user == 2 ? 40 : 0;
}

/* 42: after the second object the callback gives 40. */
int stopped(void)
{
    int count = 0, result = dl_iterate_phdr(stop, &count);
    return result + count;
}

/* The name of the function that an address is in, here and in libc. */
const char *name_of_listed(void)
{
    Dl_info info;
    return dladdr((char *)(uintptr_t)listed + 1, &info) && info.dli_saddr == (void *)listed ? info.dli_sname : NULL;
}

#ifdef __GLIBC__
const char *file_of_listed(void)
{
    Dl_info info;
    struct link_map *map = NULL;
    return dladdr1((void *)listed, &info, (void **)&map, RTLD_DL_LINKMAP) && map && !strcmp(map->l_name, info.dli_fname) ? info.dli_fname : NULL;
}
#endif

const char *name_in_libc(void)
{
    Dl_info info;
    return dladdr(dlsym(RTLD_DEFAULT, "qsort"), &info) ? info.dli_sname : NULL;
}
