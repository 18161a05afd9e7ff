/* screen.h - what `sagan train` shows: on a terminal one line that is written over every second, elsewhere a line for
 * each report, and the notes of the run. */
#ifndef SAGAN_TOOLS_SCREEN_H
#define SAGAN_TOOLS_SCREEN_H

#include "gan/train/run.h"

typedef struct screen {
	bool quiet;                                  /* warnings only */
	bool is_terminal;
	bool is_open;                                /* the live line has no end yet */
	double painted;                              /* clock, when the live line was written last */
	run_progress last;                           /* the last report; zeros before the first one */
} screen;

/* How wide the terminal of a descriptor is; 80 where it does not say. */
int screen_columns(int fd);

/* Of stdout. */
screen screen_new(bool quiet);
/* The callbacks of run_options; ctx is a screen. */
void screen_note(void *ctx, enum run_note kind, const char *text);
void screen_progress(void *ctx, const run_progress *p);
void screen_step(void *ctx, int64_t step, int64_t steps);
/* After the last call: the live line gets its end. */
void screen_close(screen *s);

#endif
