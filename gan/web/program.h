/* program.h - a traced generator as the JSON that engine.js runs, and its numbers in one row. */
#ifndef SAGAN_GAN_WEB_PROGRAM_H
#define SAGAN_GAN_WEB_PROGRAM_H

#include "gan/keras/model/model.h"
#include "gan/nets/networks.h"

enum { WEB_DIRECTIONS = 6, WEB_SAMPLES = 8 };

/* A generator with all that its page knows. */
typedef struct web_program {
	const network *g;
	const keras_model *m;
	const int *scores;                           /* [placed layers], of keras_of_network_scores */
	const char *class_names;                     /* a text of names (data/class_names.h) */
	const char *summary, *about;                 /* what is said above and below the images */
	int width;                                   /* bytes of a number: 2 or 4 */
	double error;                                /* see web_report */
	const real *directions;                      /* [WEB_DIRECTIONS or Z, Z] */
	int64_t samples;                             /* that the network drew, to check a browser by */
	const real *z, *label, *images;              /* [samples,Z], [samples], [samples,H,W,C] */
} web_program;

int64_t web_directions(const network *g);            /* WEB_DIRECTIONS, or Z where that is less */

/* The JSON, without a '<' in it, so that it can stand in a script of a page: new/free. NULL with e set. */
char *program_json(const web_program *p, fault *e);
/* The numbers that it names by their places, packed and in base64: new/free. NULL with e set. */
char *program_weights(const web_program *p, fault *e);

#endif
