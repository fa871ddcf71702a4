/* The headers of an ELF file (gABI chapters 4 and 5), and where its link addresses are in memory. */
#include <errno.h>
#include <string.h>

#include "linker.h"
#include "trouble.h"

static bool power_of_two(uint64_t value)
{
    return value && !(value & (value - 1));
}

static void note(struct extent *extent, const Elf64_Phdr *header)
{
    if (extent->present)
        return;
    *extent = (struct extent){header->p_vaddr, header->p_memsz, header->p_filesz, header->p_align, header->p_offset, header->p_flags, 1};
}

/* One PT_LOAD, checked: after the ones before it, inside the file, at places that can be mapped. */
static int add_segment(struct image *image, const Elf64_Phdr *header, uint32_t index, uint64_t file_size, uint64_t page, struct trouble *trouble)
{
    if (header->p_memsz < header->p_filesz)
        return fail(trouble, FIELD_P_FILESZ, index, header->p_filesz, EINVAL);
    if (!header->p_memsz)
        return 0;
    if (image->segment_count == MAX_SEGMENTS)
        return fail(trouble, FIELD_P_TYPE, index, MAX_SEGMENTS, ENOEXEC);
    if (header->p_vaddr > UINT64_MAX / 4 || header->p_memsz > UINT64_MAX / 4)
        return fail(trouble, FIELD_P_MEMSZ, index, header->p_memsz, EINVAL);
    if (header->p_filesz && (header->p_offset > file_size || header->p_filesz > file_size - header->p_offset))
        return fail(trouble, FIELD_P_OFFSET, index, header->p_offset, EINVAL);
    if (header->p_align > 1 && !power_of_two(header->p_align))
        return fail(trouble, FIELD_P_ALIGN, index, header->p_align, EINVAL);
    if (header->p_filesz && (header->p_vaddr - header->p_offset) & (page - 1))
        return fail(trouble, FIELD_P_VADDR, index, header->p_vaddr, EINVAL);
    if (image->segment_count && header->p_vaddr < image->segments[image->segment_count - 1].address + image->segments[image->segment_count - 1].size)
        return fail(trouble, FIELD_P_VADDR, index, header->p_vaddr, EINVAL);
    image->segments[image->segment_count++] =
        (struct segment){header->p_vaddr, header->p_memsz, header->p_filesz, header->p_offset, header->p_align, header->p_flags & 7, index};
    if (header->p_align > image->align)
        image->align = header->p_align;
    return 0;
}

static int read_phdrs(const uint8_t *phdrs, uint32_t count, uint64_t file_size, uint64_t page, struct image *image, struct trouble *trouble)
{
    image->align = page;
    image->stack_flags = PF_R | PF_W | PF_X; /* without PT_GNU_STACK the stack has to be executable */
    for (uint32_t i = 0; i < count; i++) {
        Elf64_Phdr header;
        memcpy(&header, phdrs + (size_t)i * PHDR_SIZE, sizeof header);
        int error = 0;
        switch (header.p_type) {
        case PT_LOAD: error = add_segment(image, &header, i, file_size, page, trouble); break;
        case PT_DYNAMIC: note(&image->dynamic, &header); break;
        case PT_TLS: note(&image->tls, &header); break;
        case PT_INTERP: note(&image->interpreter, &header); break;
        case PT_PHDR: note(&image->phdr, &header); break;
        case PT_GNU_RELRO: note(&image->relro, &header); break;
        case PT_GNU_EH_FRAME: note(&image->eh_frame, &header); break;
        case PT_GNU_PROPERTY: note(&image->property, &header); break;
        case PT_GNU_STACK: image->stack_flags = header.p_flags; break;
        }
        if (error)
            return error;
    }
    image->phdr_count = count;
    if (!image->segment_count)
        return fail(trouble, FIELD_E_PHNUM, 0, count, ENOEXEC);
    const struct segment *first = image->segments, *last = first + image->segment_count - 1;
    image->low = first->address & -page;
    image->high = (last->address + last->size + page - 1) & -page;
    const struct extent *tls = &image->tls;
    if (tls->present && (tls->file_size > tls->size || tls->size > UINT32_MAX || (tls->align && !power_of_two(tls->align)) || tls->align > 1 << 24))
        return fail(trouble, FIELD_PT_TLS, 0, tls->size, EINVAL);
    return 0;
}

/* What every file has to have: the caller then reads e_phnum headers at e_phoff. `size`: how much of the file is at `header`. */
int linker_check_header(const uint8_t *header, uint64_t size, uint64_t file_size, struct trouble *trouble)
{
    static const uint8_t start[] = {0x7F, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
    Elf64_Ehdr elf;
    if (size < sizeof elf || memcmp(header, start, sizeof start) != 0)
        return fail(trouble, FIELD_E_IDENT, 0, 0, ENOEXEC);
    memcpy(&elf, header, sizeof elf);
    if (elf.e_type != ET_DYN)
        return fail(trouble, FIELD_E_TYPE, 0, elf.e_type, ENOEXEC);
    if (elf.e_phentsize != PHDR_SIZE)
        return fail(trouble, FIELD_E_PHENTSIZE, 0, elf.e_phentsize, ENOEXEC);
    if (!elf.e_phnum || elf.e_phnum > PHDRS_MAX)
        return fail(trouble, FIELD_E_PHNUM, 0, elf.e_phnum, ENOEXEC);
    if (elf.e_phoff > file_size || file_size - elf.e_phoff < (uint64_t)elf.e_phnum * PHDR_SIZE)
        return fail(trouble, FIELD_E_PHOFF, 0, elf.e_phoff, ENOEXEC);
    return 0;
}

/* `header`: the 64 bytes of the ELF header, `phdrs`: e_phnum entries; the caller has read them from where e_phoff says. */
int linker_parse(const uint8_t *header, const uint8_t *phdrs, uint64_t file_size, uint64_t page_size, struct image *out, struct trouble *trouble)
{
    Elf64_Ehdr elf;
    memcpy(&elf, header, sizeof elf);
    memset(out, 0, sizeof *out);
    out->type = elf.e_type;
    out->machine = elf.e_machine;
    out->flags = elf.e_flags;
    out->entry = elf.e_entry;
    out->phdr_offset = elf.e_phoff;
    return read_phdrs(phdrs, elf.e_phnum, file_size, page_size, out, trouble);
}

/* The same of an object that something else has mapped. */
int linker_parse_mapped(const uint8_t *phdrs, uint64_t count, uint64_t page_size, struct image *out, struct trouble *trouble)
{
    memset(out, 0, sizeof *out);
    out->type = ET_DYN;
    if (count > PHDRS_MAX)
        return fail(trouble, FIELD_E_PHNUM, 0, count, ENOEXEC);
    return read_phdrs(phdrs, (uint32_t)count, UINT64_MAX, page_size, out, trouble);
}

static const struct segment *segment_of(const struct object *object, uint64_t address)
{
    for (uint32_t i = 0; i < object->image.segment_count; i++) {
        const struct segment *segment = &object->image.segments[i];
        if (address - segment->address < segment->size)
            return segment;
    }
    return NULL;
}

/* The memory of `size` bytes at a link address, NULL unless they are in one segment that allows what is needed (PF_*). What may be written or
 * executed may be read, too. */
uint8_t *image_at(const struct object *object, uint64_t address, uint64_t size, uint32_t need)
{
    const struct segment *segment = segment_of(object, address);
    if (!segment || size > segment->size - (address - segment->address))
        return NULL;
    if (need & PF_W ? !(segment->flags & PF_W) : !(segment->flags & (PF_R | PF_W)))
        return NULL;
    return object->memory + address;
}

/* Readable bytes from a link address to the end of its segment; 0 if there are none. */
uint64_t image_room(const struct object *object, uint64_t address)
{
    const struct segment *segment = segment_of(object, address);
    return segment && segment->flags & (PF_R | PF_W) ? segment->size - (address - segment->address) : 0;
}
