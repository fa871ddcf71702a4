/* The linker core: ELF images as records, symbol look-up and relocation, for any architecture and any address space whose memory this process can
 * reach. It maps nothing and runs nothing; which library comes from where, in which order, and with which symbols is for its caller (miniload/linker/).
 *
 * Everything that an image holds is untrusted: each address is checked against the image's segments before it is followed.
 *
 * Addresses: a *link address* is one of the file's own (p_vaddr, st_value, r_offset). The byte at link address v is at `memory` + v here and at `bias` + v
 * where the code will run; the two differ where that is an emulator's memory or a copy. Errors are -errno, and `trouble` says what it was.
 */
#ifndef MINILOAD_LINKER_H
#define MINILOAD_LINKER_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

enum { MAX_SEGMENTS = 32, MAX_NEEDED = 256, PHDR_SIZE = 56, PHDRS_MAX = 1170, NO_STRING = 0xFFFFFFFF };

/* What was wrong, for the message: a field's number (linker/troubles.py has the names), its value, and which one of several it was. */
struct trouble {
    uint32_t field, index;
    uint64_t value;
};

struct extent { /* of a program header that there is one of; `size` 0 if there is none */
    uint64_t address, size, file_size, align, offset;
    uint32_t flags, present;
};

struct segment { /* PT_LOAD */
    uint64_t address, size, file_size, offset, align;
    uint32_t flags; /* PF_*, and what the linker may do at the moment: text is writable while it is relocated */
    uint32_t index; /* in the program header table */
};

struct image { /* what the headers say */
    uint32_t type, machine, flags, phdr_count, segment_count, stack_flags;
    uint64_t entry, phdr_offset, low, high, align; /* [low, high): link addresses, whole pages of page_size; align: what the bias is a multiple of */
    struct extent dynamic, tls, relro, eh_frame, interpreter, property, phdr;
    struct segment segments[MAX_SEGMENTS];
};

struct version {
    const char *name;
    uint32_t hash;
    uint16_t defined, weak; /* by this object; its need is weak */
    const char *file;       /* of a need: the object that has to have it */
};

struct range { /* link address and bytes */
    uint64_t address, size;
};

enum member { MEMBER_OBJECT = 1, MEMBER_NAMES, MEMBER_SHORTCUT, MEMBER_UNIQUE = 16 };
enum object_flag { SYMBOLIC = 1, TEXTREL = 2, BIND_NOW = 4, STATIC_TLS = 8, HAS_UNIQUE = 32, EXECUTABLE_STACK = 64,
                   USES_TP_OFFSET = 128, USES_TLSDESC = 256, SEEN_THROUGH = 512 /* all its relocations, so that these two are known */,
                   FROM_FILE = 1024 /* which is mapped */ };

struct object {
    uint32_t member;
    uint32_t traits; /* object_flag */
    /* What a look-up that finds nothing reads, which nearly all do: in one line of the cache. */
    const uint64_t *bloom;
    uint32_t bloom_mask, bloom_shift;
    const uint32_t *buckets, *chains;
    uint32_t bucket_count, symbol_base;
    uint64_t chains_room;
    const Elf64_Sym *symbols;
    uint64_t symbols_room; /* how many could be there at most: to the segment's end */
    const char *strings;
    uint64_t strings_size;
    const uint16_t *version_of; /* by symbol; NULL: the object has no versions */
    uint64_t versions_room;     /* how many of them could be there */
    struct version *versions;
    uint64_t version_count;
    uint64_t symbol_count; /* as the hash tables say */
    const uint32_t *sysv_buckets, *sysv_chains;
    uint32_t sysv_bucket_count, sysv_chain_count;

    uint8_t *memory;
    uint64_t bias;
    struct image image;

    struct range rela, plt, relr, init_array, fini_array, preinit_array;
    uint64_t init, fini, got, got_present, dynamic_flags, dynamic_flags_1, versym_address;
    uint32_t soname, rpath, runpath, filter, needed_count, got_rela; /* strings as offsets */
    uint32_t needed[MAX_NEEDED];

    /* Set by the caller when the object's TLS has its place. */
    uint64_t tls_module;
    int64_t tls_offset; /* of its block from the thread pointer */
    uint32_t tls_state; /* 0: no place; 1: a module; 2: and a fixed offset */

    uint32_t touched; /* set when a relocation is bound to one of its symbols */
    uint32_t destructors; /* of thread-local variables, which threads have yet to call (dlfcn.c) */
    uint32_t unused;
    const struct lazy *lazy;
    uint64_t device, inode; /* of its file; 0 if it has none */
    uint64_t handle;        /* what code in this process knows it by: its `struct resident`; 0 if it knows none */
};

struct name { /* a host symbol */
    const char *name;
    uint64_t address;
    uint32_t hash, used;
};

enum { NAMES_FILTER = 8 };

struct names { /* symbols from somewhere else: an open hash table, made by linker_names */
    uint32_t member, size;
    struct name *slots;
    uint64_t filter[NAMES_FILTER]; /* as that of a shortcut */
};

struct shortcut { /* stands before `skips` objects of a scope: a Bloom filter over the symbols of all of them, by linker_shortcut */
    uint32_t member, skips;
    uint64_t *bits;
    uint32_t mask, unused; /* of words */
};

struct unique_symbol { /* an STB_GNU_UNIQUE symbol that something has been bound to */
    const struct object *object; /* NULL: no entry */
    const char *name;            /* as it was: what a relocation makes of the symbol table later does not count */
    uint32_t symbol, hash;
};

struct unique { /* those of a set of objects; the last member of its scopes */
    uint32_t member, size, used, resident_count;
    struct unique_symbol *slots;
    const struct object *const *residents; /* objects that were there before, whose definitions are taken first */
};

struct scope { /* where to look, in order: objects and names; last, there may be a `struct unique` */
    uint64_t count;
    void **members;
};

enum operation {
    OP_UNKNOWN, OP_NONE, OP_RELATIVE, OP_SYMBOL, OP_ADDRESS, OP_SLOT, OP_ADDRESS32, OP_RELATIVE32, OP_COPY, OP_IRELATIVE, OP_MODULE, OP_OFFSET, OP_TP_OFFSET,
    OP_TLSDESC, OP_SIZE32, OP_SIZE64, OP_REFUSED, OP_LIMIT
};

enum { TYPES = 1100 };

struct kinds { /* an architecture's relocations */
    int64_t dtp_bias;      /* what is taken from an offset in a block for __tls_get_addr: 0x800 on RISC-V */
    uint32_t slot_addend;  /* whether a jump slot's addend counts */
    uint32_t relative;     /* the number of its R_*_RELATIVE, for the quick way */
    uint32_t special_call; /* bits of st_other that say so */
    uint32_t unused;
    uint8_t operation[TYPES];
};

struct lazy { /* how calls of an object are bound when they are first made */
    const struct scope *scope;
    const struct kinds *kinds;
    uint8_t *referred; /* by member of the scope: set when a slot is bound to a symbol of it */
    const char *name;  /* the object's, for a message */
    uint64_t (*missing)(const struct object *object, uint32_t symbol); /* an address for what is defined nowhere, or 0; may be NULL */
    uint64_t resolver_arguments[3];
};

struct pending { /* a relocation that is left to the caller */
    uint64_t place;  /* link address */
    int64_t addend;
    uint64_t value;  /* of an IFUNC: the resolver's address; of a TLS descriptor: the offset in the block */
    uint32_t type, symbol, operation, reason;
    struct object *definer;
};

enum reason { LEFT_UNRESOLVED = 1, LEFT_IFUNC, LEFT_TLSDESC, LEFT_UNKNOWN, LEFT_TLS };

struct outcome { /* freed by linker_outcome_free */
    struct pending *pending;
    uint64_t pending_count, pending_room;
    uint64_t applied, looked_up;
    struct trouble trouble;
    uint32_t unique; /* whether a GNU_UNIQUE symbol was bound */
    uint32_t unused;
};

/* Called for each symbol that a relocation refers to, if the caller wants to: the address found (0 if none, then `found` is 0), or another that takes its place. */
typedef uint64_t (*binding_hook)(const struct object *object, uint32_t symbol, const char *name, uint64_t address, uint32_t found);

enum relocate_flag { RELOCATE_LAZY = 1 };
enum lookup_flag { LOOKUP_SLOT = 1, LOOKUP_DLSYM = 2, LOOKUP_NEED = 4 /* the version is that of a need: the base definition serves, too */ };

struct found {
    struct object *object; /* NULL: it came from names */
    uint64_t address;
    uint64_t symbol;
    uint32_t type, bind;
    uint64_t size;
};

enum step_kind { STEP_FILE = 1, STEP_ZERO, STEP_PROTECT, STEP_CLEAR };
enum { STEPS_MAX = 6 * MAX_SEGMENTS };

struct step { /* at a link address: pages of the file, or of zeros; PROT_* for pages; zeros for bytes */
    uint32_t kind, protection;
    uint64_t address, size, offset;
};

/* image.c */
EXPORT int linker_check_header(const uint8_t *header, uint64_t size, uint64_t file_size, struct trouble *trouble);
EXPORT int linker_parse(const uint8_t *header, const uint8_t *phdrs, uint64_t file_size, uint64_t page_size, struct image *out, struct trouble *trouble);
EXPORT int linker_parse_mapped(const uint8_t *phdrs, uint64_t count, uint64_t page_size, struct image *out, struct trouble *trouble);
uint8_t *image_at(const struct object *object, uint64_t address, uint64_t size, uint32_t need);
uint64_t image_room(const struct object *object, uint64_t address);

/* plan.c */
EXPORT uint32_t linker_plan(const struct image *image, uint64_t page, uint32_t whole, struct step *steps);
uint32_t protection_of(uint32_t flags);
EXPORT uint32_t linker_maps_whole(const struct image *image, uint64_t page);

enum { SEEN_NAME = 4096 };

struct seen { /* an object that ld.so has loaded */
    uint64_t base, phdrs, count, module;
    uint64_t signature; /* of this one: see linker_signature */
    char name[SEEN_NAME];
};

/* here.c */
EXPORT uint32_t linker_list(struct seen *out, uint32_t room, uint64_t *counters);
EXPORT int linker_map_here(const struct image *image, int fd, uint64_t page, uint64_t *start);
EXPORT int linker_open_here(const char *path, uint32_t machine, uint64_t page, struct object *object, struct trouble *trouble);
int open_here(const char *path, uint32_t machine, uint64_t page, struct object *object, bool (*is_there)(const struct object *), struct trouble *trouble);
EXPORT int linker_close_here(struct object *object);
EXPORT int linker_protect_here(const struct object *object, uint64_t page);
EXPORT int linker_relocate_here(struct object *object, const struct scope *scope, const struct kinds *kinds, uint32_t flags, uint64_t page,
                                const uint64_t arguments[3], struct outcome *out);
EXPORT void linker_initialize_here(const struct object *object, const uint64_t arguments[3]);
EXPORT void linker_finalize_here(const struct object *object);
EXPORT uint64_t linker_counters(void);
EXPORT uint64_t linker_signature(void);

/* usual.c */
struct usual { /* what a load of the usual kind goes by: remade by the loader when something of it changes */
    const struct kinds *kinds;
    const struct names *there; /* what objects can need: the addresses are those of struct object */
    uint64_t page, counters;   /* ld.so's, of the time when it was made */
    uint64_t arguments[3];     /* of IFUNC resolvers */
    uint64_t before, after;    /* members of every scope before and behind the object and what it needs */
    void **members;
    uint32_t machine, unused;
};
EXPORT int linker_load_here(const char *path, const struct usual *usual, struct object *object);
EXPORT void linker_unload_here(struct object *object);

/* object.c */
EXPORT int linker_attach(struct object *object, uint32_t absolute, struct trouble *trouble);
EXPORT void linker_detach(struct object *object);
const char *object_string(const struct object *object, uint64_t offset);

/* lookup.c */
EXPORT uint32_t linker_hash(const char *name);
EXPORT int linker_names(const char *const *texts, const uint64_t *addresses, uint64_t count, struct names *out);
EXPORT void linker_names_free(struct names *names);
EXPORT int linker_shortcut(const struct object *const *objects, uint32_t count, struct shortcut *out);
EXPORT void linker_shortcut_free(struct shortcut *shortcut);
EXPORT int linker_lookup(const struct scope *scope, const char *name, const char *version, uint32_t flags, struct found *out);
EXPORT uint64_t linker_address(const struct scope *scope, const char *name);
EXPORT int linker_symbol_at(const struct object *object, uint64_t address, struct found *out);
bool find_symbol(const struct scope *scope, const char *name, const struct version *version, uint32_t flags, const struct object *skip, struct found *out);
bool find_own(const struct scope *scope, const struct object *object, uint64_t index, struct found *out);
const struct name *names_find(const struct names *names, const char *name);
uint32_t sysv_hash(const char *name);

/* versions.c */
EXPORT int64_t linker_missing_version(const struct object *object, const struct object *const *dependencies, uint32_t count, uint32_t *which);

/* relocate.c */
EXPORT int linker_relocate(struct object *object, const struct scope *scope, const struct kinds *kinds, uint32_t flags, binding_hook hook, struct outcome *out);
EXPORT int linker_apply(struct object *object, const struct kinds *kinds, const struct pending *pending, uint64_t value);
EXPORT int linker_uses(const struct object *object, const struct kinds *kinds, uint32_t operation);
EXPORT void linker_outcome_free(struct outcome *outcome);
const struct version *version_wanted(const struct object *object, uint64_t symbol);
int resolve_symbol(struct object *object, const struct scope *scope, uint64_t index, uint32_t flags, struct found *out);

/* lazy.c */
EXPORT int linker_lazy_possible(const struct object *object, uint64_t page);
EXPORT void linker_lazy_start(struct object *object, const struct lazy *lazy);
EXPORT void linker_lazy_replace(struct object *object, const struct lazy *lazy);

/* redirect.c */
EXPORT int linker_redirect(const struct object *object, const struct kinds *kinds, const char *name, uint64_t address, uint64_t page);

/* unique.c */
const struct unique_symbol *unique_find(const struct unique *unique, const char *name, uint32_t hash);
bool unique_add(struct unique *unique, uint32_t hash, const struct object *object, uint64_t symbol);
EXPORT int linker_unique_forget(struct unique *unique, const struct object *object);
EXPORT void linker_unique_free(struct unique *unique);

#endif
