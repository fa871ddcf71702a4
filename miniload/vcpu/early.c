/* A vCPU that is made in a thread of its own, while the caller does something else: loading the engine's library and opening the engine are several
 * milliseconds without anything that Python has to do, and a thread of Python's would have to wait for the interpreter's lock first. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vcpu.h"

struct vcpu_early {
    pthread_t thread;
    bool started, no_library;
    int error;
    struct vcpu_arch arch;
    uint64_t sizes[VCPU_SIZES_MAX];
    uint32_t count;
    uint64_t size;
    struct vcpu *vcpu;
    const char *path;
    char copy[]; /* or "", and the path behind it */
};

static void *make(void *user)
{
    struct vcpu_early *early = user;
    early->error = *early->copy ? vcpu_open_library(early->copy) : -ENOENT;
    if (early->error) /* a copy may be where nothing can be executed */
        early->error = vcpu_open_library(early->path);
    early->no_library = early->error != 0;
    for (uint32_t i = 0; i < early->count && !early->no_library; i++) {
        early->size = early->sizes[i];
        early->error = vcpu_create(&early->arch, early->size, &early->vcpu);
        if (early->error != -ENOMEM)
            break;
    }
    return NULL;
}

int vcpu_begin(const char *path, const char *copy, const struct vcpu_arch *arch, const uint64_t *sizes, uint32_t count, struct vcpu_early **out)
{
    if (!count || count > VCPU_SIZES_MAX)
        return -EINVAL;
    struct vcpu_early *early = calloc(1, sizeof *early + strlen(copy) + 1 + strlen(path) + 1);
    if (!early)
        return -ENOMEM;
    early->arch = *arch;
    early->count = count;
    memcpy(early->sizes, sizes, count * sizeof *sizes);
    strcpy(early->copy, copy);
    early->path = strcpy(early->copy + strlen(copy) + 1, path);
    /* Signals are the caller's: this thread has nobody to tell of them. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    early->started = !pthread_create(&early->thread, NULL, make, early);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out = early;
    return 0;
}

int vcpu_finish(struct vcpu_early *early, struct vcpu **vcpu, uint64_t *size, int *no_library)
{
    if (!early->started)
        make(early); /* no room for a thread */
    else if (pthread_join(early->thread, NULL))
        return -EDEADLK;
    int error = early->error;
    *vcpu = early->vcpu;
    *size = early->size;
    *no_library = early->no_library;
    free(early);
    return error;
}
