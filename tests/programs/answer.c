/* A library with one function; ANSWER says which of two copies this is. */
#ifndef ANSWER
#define ANSWER 42
#endif
int answer(void) { return ANSWER; }
