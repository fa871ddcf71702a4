/* Opens the shared object that is named, calls what object_all.c defines, and prints what it gets. */
#include <dlfcn.h>
#include <stdio.h>

typedef int number(int);

static number *get(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (!found)
        printf("%s\n", dlerror());
    return (number *)found;
}

int main(int argc, char **argv)
{
    void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);
    static const char *const plain[] = {"get_constructed", "bump", "bump", "inside_value", "thread_sum", "thread_sum", "common_bump", "common_bump", "alignment", "code_alignment", "has_nowhere"};
    if (!library) {
        printf("%s\n", dlerror());
        return 1;
    }
    for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++)
        printf("%s %d\n", plain[i], get(library, plain[i])(0));
    for (int i = 0; i < 3; i++)
        printf("operate %d\n", ((int (*)(int, int))(void *)get(library, "operate"))(i, -5));
    for (int i = -1; i < 8; i++)
        printf("choose %d\n", get(library, "choose")(i));
    printf("name %s\n", ((const char *(*)(int))(void *)get(library, "name_of"))(2));
    printf("length %d\n", ((int (*)(const char *))(void *)get(library, "length"))("12345"));
    printf("counter %d\n", *(int *)dlsym(library, "counter"));
    printf("thread %d\n", *(int *)dlsym(library, "thread_value"));
    return dlclose(library);
}
