/* A loop that a program in C drives, by turns. See docs/EMBEDDING.md.
 *
 * A loop belongs to the thread that has made it, and so do all functions but oneloop_remote_call, which is for any
 * thread. Functions that return int return -1 if they fail: if the loop is closed or in a turn, or the system refuses. */
#ifndef ONELOOP_H
#define ONELOOP_H

#include <stdint.h>

typedef struct oneloop oneloop;               /* a loop */
typedef struct oneloop_remote oneloop_remote; /* a loop, as other threads see it */
typedef void oneloop_callback(void *data);    /* must not unwind or longjmp */

/* Makes a loop. NULL if the system has no descriptors left. */
oneloop *oneloop_new(void);
/* Closes the loop and frees it. What is scheduled is dropped, not called. Not in a turn. */
void oneloop_free(oneloop *loop);

/* The descriptor that is readable while there is something to do. Not to be read from, nor closed. */
int oneloop_descriptor(const oneloop *loop);
/* Nanoseconds until the next timer is due; -1 if none is set. */
int64_t oneloop_next_deadline(const oneloop *loop);

/* Runs what is ready, for so many nanoseconds at most; -1 is no limit. Returns 1 if something is left that is ready. */
int oneloop_turn(oneloop *loop, int64_t nanoseconds);
/* Waits for so many nanoseconds at most, and runs one iteration; -1 is no limit. Returns as oneloop_turn. */
int oneloop_wait(oneloop *loop, int64_t nanoseconds);

/* Calls a function in the next turn. */
int oneloop_call_soon(oneloop *loop, oneloop_callback *function, void *data);
/* Calls a function when so many nanoseconds have passed. */
int oneloop_call_later(oneloop *loop, uint64_t nanoseconds, oneloop_callback *function, void *data);

/* Makes a handle for other threads. */
oneloop_remote *oneloop_remote_new(const oneloop *loop);
/* Frees it. */
void oneloop_remote_free(oneloop_remote *remote);
/* From any thread: calls a function in the thread of the loop. What data points to must be fit to cross threads. */
int oneloop_remote_call(const oneloop_remote *remote, oneloop_callback *function, void *data);

#endif
