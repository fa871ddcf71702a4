// Exceptions through several frames and out of a thread, run-time types, iostream formatting, static construction order.
#include <exception>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

struct Announced {
    explicit Announced(const char *name) : name(name) { std::cout << "made " << name << '\n'; }
    ~Announced() { std::cout << "gone " << name << '\n'; }
    const char *name;
};
static Announced global("global");

struct Base {
    virtual ~Base() = default;
};
struct Derived : Base {};

static int fail(int depth)
{
    Announced local("local");
    if (depth == 0)
        throw std::runtime_error("from the bottom");
    return fail(depth - 1) + 1;
}

int main()
{
    try {
        fail(2);
    } catch (const std::exception &error) {
        std::cout << "caught " << error.what() << '\n';
    }
    auto later = std::async(std::launch::async, []() -> int { throw std::out_of_range("from a thread"); });
    try {
        later.get();
    } catch (const std::out_of_range &error) {
        std::cout << "caught " << error.what() << '\n';
    }
    Base *base = new Derived;
    std::cout << "derived " << (dynamic_cast<Derived *>(base) != nullptr) << '\n';
    std::map<std::string, double> table{{"pi", 3.14159265}, {"e", 2.71828183}};
    std::ostringstream out;
    for (const auto &[name, value] : table)
        out << std::setw(4) << name << ' ' << std::setprecision(4) << std::fixed << value << '\n';
    std::cout << out.str();
    std::cerr << "to stderr" << std::endl;
    throw 42; // nobody catches it: terminate, SIGABRT
}
