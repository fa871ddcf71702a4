/* A library that asks the dynamic linker about itself and others. */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__thread int own_storage = 3;

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "(null)";
}

int which(void)
{
    return 1;
}

/* dlopen, dlsym, dlclose of another library: what its answer() returns, or -1. */
int open_other(const char *path, int mode)
{
    void *handle = dlopen(path, mode);
    int (*answer)(void) = handle ? (int (*)(void))dlsym(handle, "answer") : NULL;
    int result = answer ? answer() : -1;
    if (handle && dlclose(handle))
        return -2;
    return result;
}

/* The same without closing it: the handle. */
void *keep_other(const char *path, int mode)
{
    return dlopen(path, mode);
}

int close_other(void *handle)
{
    return dlclose(handle);
}

/* What dlerror says after something that fails; and then nothing. */
int error_of(int kind, const char *path, char *out)
{
    void *self = NULL, *result = NULL;
    Dl_info info;
    if (dladdr((void *)error_of, &info))
        self = dlopen(info.dli_fname, RTLD_NOW);
    dlerror();
    if (kind == 0)
        result = dlopen(path, RTLD_NOW);
    else if (kind == 1)
        result = dlsym(self, "no_such_symbol");
    else if (kind == 2)
        result = dlvsym(self, "which", "NO_VERSION");
    else if (kind == 3)
        result = dlsym(RTLD_DEFAULT, "no_such_symbol");
    else if (kind == 4)
        result = dlsym(RTLD_NEXT, "which");
    const char *error = dlerror();
    strcpy(out, error ? error : "(none)");
    error = dlerror();
    dlclose(self);
    return (result == NULL) + 2 * (error == NULL);
}

/* dladdr of a function of its own, of libc, and of nothing. */
void names(char *out)
{
    Dl_info info;
    int found = dladdr((char *)which + 1, &info);
    out += sprintf(out, "%d %s %s %d;", found, base_name(info.dli_fname), info.dli_sname, info.dli_saddr == (void *)which);
    found = dladdr((void *)strtol, &info);
    out += sprintf(out, "%d %s;", found, base_name(info.dli_fname));
    found = dladdr(out, &info);
    sprintf(out, "%d", found);
}

void details(char *out)
{
    Dl_info info;
    const Elf64_Sym *symbol = NULL;
    struct link_map *map = NULL, *same = NULL;
    void *extra;
    dladdr1((void *)which, &info, &extra, RTLD_DL_SYMENT);
    symbol = extra;
    dladdr1((void *)which, &info, &extra, RTLD_DL_LINKMAP);
    map = extra;
    void *handle = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    char origin[4096] = "";
    size_t module = 0;
    void *data = NULL;
    int linkmap = dlinfo(handle, RTLD_DI_LINKMAP, &same), place = dlinfo(handle, RTLD_DI_ORIGIN, origin), id = dlinfo(handle, RTLD_DI_TLS_MODID, &module);
    own_storage++;
    int block = dlinfo(handle, RTLD_DI_TLS_DATA, &data);
    Lmid_t space = 7;
    int space_result = dlinfo(handle, RTLD_DI_LMID, &space);
    sprintf(out, "%d %d %d %d|%d %d %d %d %ld|%d %d %d %s %s", symbol && symbol->st_size > 0, map == same, map && map->l_addr == (ElfW(Addr))info.dli_fbase,
            map && map->l_ld != NULL, linkmap, place, id, space_result, (long)space, block, module != 0, data && (char *)&own_storage >= (char *)data && (char *)&own_storage < (char *)data + 64,
            base_name(origin), map ? base_name(map->l_name) : "");
    dlclose(handle);
}

struct seen {
    int self, libc, both, tls, stop;
    unsigned long long adds, subs;
};

static int note(struct dl_phdr_info *info, size_t size, void *user)
{
    struct seen *seen = user;
    int holds = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        ElfW(Addr) start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        holds |= info->dlpi_phdr[i].p_type == PT_LOAD && (ElfW(Addr))which >= start && (ElfW(Addr))which < start + info->dlpi_phdr[i].p_memsz;
    }
    seen->self += holds;
    seen->libc += !strncmp(base_name(info->dlpi_name), "libc.so", 7);
    seen->both |= size == sizeof *info;
    if (holds)
        seen->tls = info->dlpi_tls_modid != 0 && (char *)&own_storage >= (char *)info->dlpi_tls_data && (char *)&own_storage < (char *)info->dlpi_tls_data + 64;
    seen->adds = info->dlpi_adds;
    seen->subs = info->dlpi_subs;
    return seen->stop && holds ? 42 : 0;
}

/* dl_iterate_phdr: this object and libc once each, its thread-local storage, a callback that stops, and the counters while another comes and goes. */
void iterate(const char *other, char *out)
{
    struct seen first = {0}, second = {0}, third = {0};
    own_storage++;
    int ended = dl_iterate_phdr(note, &first);
    void *handle = dlopen(other, RTLD_NOW);
    dl_iterate_phdr(note, &second);
    dlclose(handle);
    third.stop = 1;
    int stopped = dl_iterate_phdr(note, &third);
    sprintf(out, "%d %d %d %d %d %d %d %d %d", ended, first.self, first.libc, first.both, first.tls, stopped, second.adds > first.adds, second.subs == first.subs,
            third.subs > second.subs);
}

void find_objects(char *out)
{
    struct dl_find_object own = {0}, other = {0}, none = {0};
    int a = _dl_find_object((void *)which, &own), b = _dl_find_object((void *)strtol, &other), c = _dl_find_object(out, &none);
    sprintf(out, "%d %d %d %s %d %d", a, b, c, base_name(own.dlfo_link_map->l_name), (void *)which >= own.dlfo_map_start && (void *)which < own.dlfo_map_end, own.dlfo_eh_frame > own.dlfo_map_start);
}

/* RTLD_DEFAULT: libc's, its own, one of a library that is global; RTLD_NEXT: the definition behind this one. */
void look_up(char *out)
{
    void *of_libc = dlsym(RTLD_DEFAULT, "strtol"), *own = dlsym(RTLD_DEFAULT, "which"), *global = dlsym(RTLD_DEFAULT, "answer");
    int (*next)(void) = (int (*)(void))dlsym(RTLD_NEXT, "which");
    void *versioned = dlvsym(RTLD_DEFAULT, "which", "NO_VERSION"), *dl = dlsym(RTLD_DEFAULT, "dlopen");
    sprintf(out, "%d %d %d %d %d %d", of_libc == (void *)strtol, own == (void *)which, global != NULL, next ? next() : -1, versioned != NULL, dl == (void *)dlopen);
}

static void *open_it(void *path)
{
    return (void *)(intptr_t)open_other(path, RTLD_NOW);
}

static void *find_it(void *handle)
{
    int (*answer)(void) = (int (*)(void))dlsym(handle, "answer");
    return (void *)(intptr_t)(answer ? answer() : -1);
}

static int in_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    void *result = NULL;
    return pthread_create(&thread, NULL, function, argument) || pthread_join(thread, &result) ? -2 : (int)(intptr_t)result;
}

int open_in_thread(char *path)
{
    return in_thread(open_it, path);
}

int find_in_thread(void *handle)
{
    return in_thread(find_it, handle);
}
