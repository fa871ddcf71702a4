/* Finalisers that are called when the process ends (exit.c). */
#ifndef MINILOAD_ENDING_H
#define MINILOAD_ENDING_H

#include "linker.h"

void ending_add(const struct object *object);
void ending_remove(const struct object *object);
void call_finalisers(const struct object *object);

#endif
