/* A library that is rebuilt as another -DVERSION while it is in use. */
int counter;
int version(void) { return VERSION; }
int count(void) { return ++counter; }
int *place(void) { return &counter; }
