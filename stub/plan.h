/* The binary contract between Python and the stub: a load plan, as bytes.
 *
 * miniload/plan/wire.py writes it, stub/ reads it, tests/test_wire.py holds the two together (it compiles this header and
 * compares every offset). All integers are little-endian, naturally aligned; every offset is from the start of the plan and
 * every offset and length is checked by the stub before use.
 *
 * An address is a base plus an offset. The bases are picked when the plan is carried out (address space randomisation), so
 * the plan itself holds no absolute address of a position-independent image.
 */
#ifndef MINILOAD_PLAN_H
#define MINILOAD_PLAN_H

#include <stdint.h>

#define PLAN_MAGIC "MLPLAN01"

enum plan_limit { PLAN_MAX_BASES = 8, PLAN_MAX_FILES = 4, PLAN_MAX_AUXV = 64 };

/* The first three bases are the same in every plan; images follow. */
enum plan_base_index { BASE_ABSOLUTE = 0, BASE_TABLE = 1, BASE_STRINGS = 2, BASE_PROGRAM = 3, BASE_INTERPRETER = 4 };

enum plan_base_kind {
    BASE_KIND_RESERVED_INDEX = 0, /* absolute zero, or placed with the stack */
    BASE_KIND_FIXED = 1,          /* ET_EXEC: bias 0; reserved by operations, range by range */
    BASE_KIND_WINDOW = 2,         /* ET_DYN with an interpreter: randomised above `window` */
    BASE_KIND_ANYWHERE = 3,       /* ET_DYN without one, and interpreters: the mmap area */
};

enum plan_flag {
    PLAN_REPORT = 1,      /* say on stderr which level was reached */
    PLAN_STACK_EXEC = 2,  /* PT_GNU_STACK asks for an executable stack */
    PLAN_KEEP_STACK = 4,  /* a packed program: the caller's argv and envp stay, only the auxv is edited */
};

enum plan_op_kind { OP_MAP_FILE = 1, OP_MAP_ANON = 2, OP_ZERO = 3, OP_UNMAP = 4, OP_RESERVE = 5 };

enum plan_fixup_kind {
    FIXUP_ADD = 1,     /* `count` words at `where`: each += value */
    FIXUP_SET = 2,     /* one word at `where`: = value */
    FIXUP_FORWARD = 3, /* an auxv pair at `where`: value of the running kernel's entry of that type, else AT_IGNORE */
    FIXUP_RANDOM = 4,  /* 16 bytes at `where`: the kernel's fresh AT_RANDOM bytes */
    FIXUP_AUXV = 5,    /* PLAN_KEEP_STACK: the auxv entry of type `count` in the kernel's own vector: = value */
};

struct plan_address {
    uint32_t base;
    uint32_t reserved;
    uint64_t offset;
};

struct plan_array {
    uint32_t offset;
    uint32_t count;
};

/* An image's place. Its bias is `chosen - anchor`; [bias + low, bias + low + size) is reserved. */
struct plan_base {
    uint32_t kind;
    uint32_t reserved;
    uint64_t window;
    uint64_t low;
    uint64_t size;
    uint64_t align;
    uint64_t anchor;
};

/* An inherited descriptor, or (fd < 0) a path to open, which must still be the very file that was planned. */
struct plan_file {
    int32_t fd;
    uint32_t path;
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t mtime_ns;
};

struct plan_op {
    uint32_t kind;
    uint32_t prot;
    struct plan_address where;
    uint64_t size;
    uint64_t file_offset;
    uint32_t file;
    uint32_t reserved;
};

/* value = address(value) - address of base `minus`, mod 2^64 */
struct plan_fixup {
    uint32_t kind;
    uint32_t count;
    struct plan_address where;
    struct plan_address value;
    uint32_t minus;
    uint32_t reserved;
};

/* What the kernel is told of the process by PR_SET_MM_MAP. Addresses of code and data are relative to the program's base. */
struct plan_mm {
    uint64_t start_code, end_code, start_data, end_data;
    struct plan_address brk;  /* before randomisation */
    uint64_t brk_gap;         /* added when randomised */
    uint64_t brk_span;        /* range of the randomisation */
    uint64_t arg_end;         /* within the strings; argv starts at 0 */
    uint64_t env_end;
    uint64_t auxv;            /* within the table */
    uint64_t auxv_size;
};

struct plan_header {
    char magic[8];
    uint64_t size;
    uint32_t machine;   /* e_machine */
    uint32_t flags;
    uint32_t randomize; /* /proc/sys/kernel/randomize_va_space: 0, 1, 2 */
    uint32_t rnd_bits;  /* of mmap randomisation, in pages */
    struct plan_array bases, files, ops, fixups;
    struct plan_array patches; /* fixups applied only where the exe link could not be set */
    struct plan_array strings, table;
    uint32_t gap_limit; /* random gap between table and strings, in bytes, exclusive */
    uint32_t exe_file;
    uint32_t name;      /* offset of the program's name, NUL-terminated, for messages */
    uint32_t spare;     /* offset of the path of another file with the same trampoline at the same place, 0 for none */
    struct plan_address entry;
    struct plan_mm mm;
    char comm[16];
};

#endif
