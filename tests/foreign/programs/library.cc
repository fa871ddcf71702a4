// Throws what the program catches, and catches what the program throws; the type is known to both by its name alone.
#include "problem.h"
#include <string>

Problem::~Problem() = default;
const char *Problem::what() const noexcept { return text.c_str(); }

void fail(int depth)
{
    std::string local(100, 'x');
    if (depth == 0)
        throw Problem("from the library");
    fail(depth - 1);
}

std::string call(void (*function)())
{
    try {
        function();
    } catch (const Problem &problem) {
        return std::string("library caught ") + problem.what();
    } catch (const std::exception &other) {
        return std::string("library caught other ") + other.what();
    }
    return "nothing";
}
