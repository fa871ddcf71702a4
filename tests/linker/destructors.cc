// Objects with destructors, per thread and static: both write to what report() was given.
static char *place;

static void note(char letter)
{
    if (place)
        *place++ = letter;
}

struct Noted {
    char letter;
    explicit Noted(char with) : letter(with) {}
    ~Noted() { note(letter); }
};

static Noted whole('S');
static thread_local Noted first('t'), second('u');

extern "C" void report(char *to)
{
    place = to;
}

extern "C" int touch()
{
    return first.letter + second.letter;
}

extern "C" __attribute__((destructor)) void end()
{
    note('d');
}
