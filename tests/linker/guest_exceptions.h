// What guest_throwing.cc and guest_catching.cc share.
struct Guard {
    int *count;
    explicit Guard(int *count) : count(count) {}
    ~Guard() { *count += 100; }
};

struct Base {
    virtual ~Base();
    virtual int value() const;
};

struct Derived : Base {
    int number;
    explicit Derived(int number) : number(number) {}
    int value() const override { return number; }
};

extern "C" {
void throw_number(int number);
void throw_object(int number);
int pass_on(int (*call)(int), int argument, int *count);    // a frame with a destructor
int throw_again(int (*call)(int), int argument, int *count); // one that catches, too, and throws the same again
}
