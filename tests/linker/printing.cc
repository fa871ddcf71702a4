// Objects with destructors that print.
#include <cstdio>

struct Printing {
    const char *text;
    explicit Printing(const char *with) : text(with) {}
    ~Printing() { std::puts(text); std::fflush(stdout); }
};

static Printing whole("static object");
static thread_local Printing own("thread object");

extern "C" int touch()
{
    return own.text != nullptr;
}

extern "C" __attribute__((destructor)) void end()
{
    std::puts("destructor");
    std::fflush(stdout);
}
