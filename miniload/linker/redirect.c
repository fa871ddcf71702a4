/* Having an object that is there already call a function of ours: the unwinder has to ask us, too, where code is. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "linker.h"

static bool names(const struct object *object, const struct kinds *kinds, const Elf64_Rela *rela, const char *name)
{
    uint64_t type = ELF64_R_TYPE(rela->r_info), symbol = ELF64_R_SYM(rela->r_info);
    uint32_t operation = type < TYPES ? kinds->operation[type] : OP_UNKNOWN;
    if ((operation != OP_SLOT && operation != OP_ADDRESS) || !object->symbols || symbol >= object->symbols_room)
        return false;
    const char *text = object_string(object, object->symbols[symbol].st_name);
    return text && !strcmp(text, name);
}

static int replace(uint8_t *place, uint64_t address, bool sealed, uint64_t page)
{
    void *start = (void *)((uintptr_t)place & -page);
    if (sealed && mprotect(start, page, PROT_READ | PROT_WRITE))
        return -errno;
    __atomic_store_n((uint64_t *)(void *)place, address, __ATOMIC_RELEASE);
    return sealed && mprotect(start, page, PROT_READ) ? -errno : 0;
}

/* Stores `address` where a function of that name, of another object's, has been bound. The number of places, which may be 0; -errno. */
int linker_redirect(const struct object *object, const struct kinds *kinds, const char *name, uint64_t address, uint64_t page)
{
    const struct range *tables[] = {&object->rela, &object->plt};
    const struct extent *relro = &object->image.relro;
    uint64_t start = relro->address & -page, end = (relro->address + relro->size) & -page;
    int places = 0;
    for (size_t t = 0; t < 2; t++)
        for (uint64_t at = 0; at < tables[t]->size; at += sizeof(Elf64_Rela)) {
            Elf64_Rela rela;
            memcpy(&rela, object->memory + tables[t]->address + at, sizeof rela);
            uint8_t *place = names(object, kinds, &rela, name) && rela.r_offset % 8 == 0 ? image_at(object, rela.r_offset, 8, PF_W) : NULL;
            if (!place)
                continue;
            int error = replace(place, address, relro->present && rela.r_offset >= start && rela.r_offset < end, page);
            if (error)
                return error;
            places++;
        }
    return places;
}
