/* events.h - what happens in a run as an event file, which TensorBoard reads: scalars, pictures, histograms, texts and
 * the settings of the run (hyperparameters).
 *
 * The file is DIR/events.out.tfevents.SECONDS.HOST.PID.N. It only grows, an event at a time: what a killed process
 * leaves can be read but for the event that was cut. Every process opens a file of its own. A folder is a run, and all
 * its files are read in the order of their names. */
#ifndef SAGAN_GAN_LOG_EVENTS_H
#define SAGAN_GAN_LOG_EVENTS_H

#include "core/base/base.h"

/* How names of event files begin. */
#define EVENTS_NAME "events.out.tfevents."

typedef struct events events;

typedef struct event_scalar {
	const char *tag;                             /* "loss/d": what stands before the slash is a group on the page */
	double x;
} event_scalar;

/* A setting of the run; one of the three. */
typedef struct event_setting {
	const char *name;
	enum { SETTING_NUMBER, SETTING_BOOL, SETTING_TEXT } kind;
	double number;                               /* of a bool 0 or 1 */
	const char *text;
} event_setting;

/* The values are those of enum Status of TensorBoard's plugin_data.proto. */
enum event_end { EVENT_SUCCESS = 1, EVENT_FAILURE = 2 };

/* Begins a file in dir, which exists, for a process that goes on after `step`: what earlier files of dir say of later
 * steps, which are taken again, is told to be void. The bytes of the file's first events hang on the clock alone.
 * new/free (events_close). NULL with e set: the file cannot be made. */
events *events_open(const char *dir, int64_t step, fault *e);
/* False with e set: what was written last has not arrived. NULL allowed. */
bool events_close(events *v, fault *e);
const char *events_path(const events *v);

/* One event each, in the system's memory at least when the function returns. Everything is borrowed. False with e set:
 * no memory, or a write failed. */
bool events_scalars(events *v, int64_t step, int n, const event_scalar *row, fault *e);
bool events_histogram(events *v, int64_t step, const char *tag, const real *x, int64_t n, fault *e);
/* The bytes of a PNG file; e: they are those of no PNG. */
bool events_png(events *v, int64_t step, const char *tag, const void *png, size_t n, fault *e);
/* Markdown. */
bool events_text(events *v, int64_t step, const char *tag, const char *text, fault *e);
/* Settings with which the process begins, and how it ends. */
bool events_begin(events *v, int n, const event_setting *row, fault *e);
bool events_end(events *v, enum event_end how, fault *e);

#endif
