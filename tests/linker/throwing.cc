// Throws, and passes exceptions of others on.
#include <stdexcept>
#include <string>

struct Guard {
    int *count;
    ~Guard() { ++*count; }
};

extern "C" void throw_text(const char *text)
{
    throw std::runtime_error(text);
}

extern "C" void throw_number(int number)
{
    throw number;
}

// Calls back with an object on the stack that has a destructor.
extern "C" int pass_on(int (*call)(int), int argument, int *count)
{
    Guard guard{count};
    return call(argument) + 1;
}
