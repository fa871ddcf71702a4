// Throws what guest_catching.cc catches, and passes exceptions of others on. Nothing of the C++ library but its run-time support.
#include "guest_exceptions.h"

Base::~Base() {}
int Base::value() const { return 1; }

extern "C" void throw_number(int number)
{
    throw number;
}

extern "C" void throw_object(int number)
{
    throw Derived(number);
}

extern "C" int pass_on(int (*call)(int), int argument, int *count)
{
    Guard guard(count);
    return call(argument) + 1;
}

extern "C" int throw_again(int (*call)(int), int argument, int *count)
{
    Guard guard(count);
    try {
        return call(argument);
    } catch (...) {
        ++*count;
        throw;
    }
}
