/* stop.h - what ends a run early: a signal, or an output that nobody reads any more. */
#ifndef SAGAN_TOOLS_STOP_H
#define SAGAN_TOOLS_STOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* 0, or the number of the signal: the step under way is to be finished and saved. */
extern volatile sig_atomic_t stop_asked;

/* From now on the first SIGINT, SIGTERM, SIGHUP or SIGUSR1 says on stderr what happens (unless !told) and sets
 * stop_asked; the second one ends the program at once. What the caller ignores, as nohup does with SIGHUP, stays
 * ignored. SIGPIPE ends nothing any more. */
void stop_on_signals(bool told);
/* The step that the message of a signal names. */
void stop_step(int64_t under_way);
/* To be called after something was printed: sets stop_asked to SIGPIPE when stdout is a pipe that nobody reads. */
void stop_if_unread(void);

#endif
