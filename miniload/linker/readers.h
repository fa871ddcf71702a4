/* Readers of what may be replaced: the lists that loaded code looks things up in, while another thread loads or unloads. A reader takes no lock, so it may
 * be a signal handler; who replaces a list waits until all that may have seen the old one are done. */
#ifndef MINILOAD_READERS_H
#define MINILOAD_READERS_H

unsigned readers_enter(void);
void readers_leave(unsigned side);
void readers_wait(void); /* not for those that this very thread is in the middle of */
void readers_forget(void);

#endif
