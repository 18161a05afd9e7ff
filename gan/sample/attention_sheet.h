/* attention_sheet.h - a sheet that shows where pixels look: a row is one image and one map of it (a layer, a head); its
 * columns are the image and, for each chosen pixel, the image dimmed with what the pixel looks at in colour. Words
 * stand above and left, a bar right of each row says what the colours mean. */
#ifndef SAGAN_GAN_SAMPLE_ATTENTION_SHEET_H
#define SAGAN_GAN_SAMPLE_ATTENTION_SHEET_H

#include "gan/sample/frame.h"
#include "gan/sample/gaze.h"

/* Most rows of a sheet, most chosen pixels, and how many are chosen where nobody says. */
enum { SHEET_ROWS_MAX = 64, SHEET_PIXELS_MAX = 12, SHEET_PIXELS = 5 };

typedef struct sheet_pixel {
	int y, x;                                    /* of the image */
} sheet_pixel;

/* Pixels of an image x [of] = [H,W,C] that a person would point at: the one of each quarter whose surroundings differ
 * most from the image's mean, and the background of a corner. */
void sheet_choose(const real *x, shape of, sheet_pixel at[SHEET_PIXELS]);
/* What stands over the columns of these. */
#define SHEET_HEADS "image\nupper left\nupper right\nlower left\nlower right\ncorner\n"

typedef struct sheet sheet;

/* For images of one shape; `common`: one scale of colours for the whole sheet, else one for each row. `side` is about
 * how many pixels an image takes on the sheet. new/free. NULL with e set: no memory. */
sheet *sheet_new(shape of, int pixels, int side, bool common, fault *e);
void sheet_free(sheet *s);

/* The next row, of what v shows at `pixels` pixels; `label`, lines ended by \n, stands left of it. All is copied. False
 * with e set: no memory, or SHEET_ROWS_MAX rows. */
bool sheet_add(sheet *s, const attention_view *v, const sheet_pixel *at, const char *label, fault *e);

/* As a PNG file; `heads`, lines, stand over the columns. */
bool sheet_write(const sheet *s, const char *path, const char *heads, const picture_about *about, fault *e);

#endif
