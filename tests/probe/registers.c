/* Registers at entry. */
#include "entry.h"
#include "json.h"

void show_entry(void)
{
    static const char names[][4] = { MACHINE_REGISTER_NAMES };
    _Static_assert(sizeof names / sizeof *names == MACHINE_REGISTERS, "a name for each register");
    json_member("sp", entry.sp);
    json_member("flags", entry.flags);
    json_key("registers");
    json_open('{');
    for (size_t i = 0; i < MACHINE_REGISTERS; i++)
        json_member(names[i], entry.registers[i]);
    json_close('}');
    json_key("state");
    json_open('{');
    show_machine_state(&entry.machine);
    json_close('}');
}
