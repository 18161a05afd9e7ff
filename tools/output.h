/* output.h - where the images of a request go: a grid, a moving picture, a folder or a file of any number of them, and
 * their latents. */
#ifndef SAGAN_TOOLS_OUTPUT_H
#define SAGAN_TOOLS_OUTPUT_H

#include <stdio.h>

#include "gan/sample/request.h"

#define OUTPUT_USUAL "samples.png"

typedef struct output_names {
	const char *images;                          /* NULL: OUTPUT_USUAL, or with latents and many images nothing */
	const char *latents;                         /* an HDF5 file; NULL: none */
	int ms;                                      /* a frame of a moving picture */
} output_names;

/* Where lines about them go: told_beside (tools/command.h). */
FILE *output_told(const output_names *to);

/* Draws and writes, and prints what was written. Before anything is drawn the names are looked at. The request's
 * columns may change. With other processes (core/peers/peers.h) all call it, and rank 0 writes. False with e set. */
bool output_draw(sampler *s, sample_request *q, const output_names *to, fault *e);

#endif
