// Exceptions within an object file and through it: landing pads, cleanups, filters; nothing of the C++ library but its run-time support.
static int cleaned;

struct Guard {
    ~Guard() { cleaned++; }
};

struct Base {
    virtual ~Base() {}
    virtual int value() const { return 1; }
};

struct Derived : Base {
    int number;
    Derived(int number) : number(number) {}
    int value() const override { return number; }
};

__attribute__((noinline)) static int thrower(int x)
{
    Guard guard;
    if (x == 1)
        throw 10;
    if (x == 2)
        throw Derived(20);
    if (x == 3)
        throw "text";
    return x;
}

__attribute__((noinline)) static int middle(int x)
{
    Guard one, two;
    return thrower(x) + 1;
}

extern "C" int guarded(int x)
{
    try {
        return middle(x);
    } catch (int number) {
        return 100 + number;
    } catch (const Base &base) {
        return 200 + base.value();
    } catch (...) {
        return 300;
    }
}

extern "C" int cleanups(void) { return cleaned; }
