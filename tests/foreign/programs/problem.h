#include <exception>
#include <string>
struct Problem : std::exception {
    explicit Problem(const char *text) : text(text) {}
    ~Problem() override;
    const char *what() const noexcept override;
    std::string text;
};
void fail(int depth);
std::string call(void (*function)());
