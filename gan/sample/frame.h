/* frame.h - words around a picture of a run: what it shows above it, names over columns and beside rows, and what made
 * it, as texts in its PNG file. */
#ifndef SAGAN_GAN_SAMPLE_FRAME_H
#define SAGAN_GAN_SAMPLE_FRAME_H

#include "data/picture/png.h"
#include "data/picture/svg.h"

/* What a picture was made of; all zero but `step` and `seed`: nothing is known. */
typedef struct picture_about {
	const char *what;                            /* "samples", the beginning of the title; NULL: no title */
	const char *name;                            /* of the run; NULL: not known */
	int64_t step, seed;                          /* -1: not known */
	const char *config;                          /* as YAML text; NULL: not known */
} picture_about;

/* Words around a picture whose columns and rows are of equal size. Names are texts of lines (data/class_names.h: "" is
 * for numbers). */
typedef struct picture_words {
	const char *title;                           /* NULL: none */
	const char *heads;                           /* over the columns; NULL: none */
	int columns;
	const char *sides;                           /* beside the rows; NULL: none */
	int rows, cycle;                             /* row r has line r mod cycle; 0: line r */
} picture_words;

enum { FRAME_TITLE = 28, FRAME_HEAD = 20 };          /* heights of the strips above a picture */

/* Another picture takes the place of im: the same with these words above and left of it, on a dark ground as the lines
 * of a grid have. Names are cut where there is no room. False with e set, and im is as it was. */
bool picture_frame(image *im, const picture_words *w, fault *e);

/* "samples: mnist-sagan, step 12,000" into buf, which is returned. */
char *picture_title(const picture_about *a, char *buf, size_t size);

/* The same facts for the PNG file, in the keys Title, Software, Source, sagan:step, sagan:seed and sagan:config. The
 * numbers stand in `room`. */
typedef struct picture_texts {
	png_notes notes;
	char title[256], step[24], seed[24];
} picture_texts;
const png_notes *picture_notes(const picture_about *a, picture_texts *room);

#endif
