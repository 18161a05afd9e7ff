/* report.h - one page of HTML that shows runs: curves, scores, samples over time, where attention looks, the config.
 *
 * It holds all that it needs: pictures and numbers, a style and a small script (report.html, report.css, report.js),
 * nothing from the network. It stays below REPORT_BYTES_MOST: curves are means over buckets, samples are some of those
 * that were drawn, and maps of attention are those of a few images, as bytes. */
#ifndef SAGAN_GAN_REPORT_REPORT_H
#define SAGAN_GAN_REPORT_REPORT_H

#include "gan/sample/sampler.h"

enum { REPORT_BYTES_MOST = 5000000, REPORT_RUNS_MOST = 8 };

/* A run on the page. */
typedef struct report_run {
	const char *folder;
	sampler *s;                                  /* its generator (borrow); NULL: that of its newest checkpoint */
	const char *about_data;                      /* in words; NULL: as the checkpoint says */
	int64_t step;                                /* with s, which this process trains: where it is */
} report_run;

/* Writes the page by temporary file and rename. `program` is how this one is called, for the command that goes on.
 * False with e set: a folder is no run, a file cannot be read or written, no memory. */
bool report_write(const char *path, const report_run *run, int n, const char *program, fault *e);

#endif
