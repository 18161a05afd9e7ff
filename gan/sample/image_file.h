/* image_file.h - any number of images written one after the other, without a grid: a folder of PNG files, or one file
 * of bytes [n,H,W,C] and labels, by its ending .npz, .h5 or .idx. None of them is held in memory, and nobody sees half
 * of a file. */
#ifndef SAGAN_GAN_SAMPLE_IMAGE_FILE_H
#define SAGAN_GAN_SAMPLE_IMAGE_FILE_H

#include "core/base/base.h"

/* Whether a path means such a file or folder: the ending of one, or a folder, which exists or ends with a slash. */
bool image_file_is(const char *path);

typedef struct image_file image_file;

/* For n images of a shape [H,W,C]; `labels`: each has a class. Folders are made. new/free: image_file_commit. NULL with
 * e set: it cannot be written, no memory, or a folder with pictures of other names, or with images of
 * more than n, that would pass for these. */
image_file *image_file_new(const char *path, int64_t n, shape of, bool labels, fault *e);
/* The next m images x [m,H,W,C] in [-1,1], and label [m] where there are labels. */
bool image_file_add(image_file *f, int64_t m, const real *x, const real *label, fault *e);
/* All n have been added: puts the file in place and frees f, also when it fails. */
bool image_file_commit(image_file *f, fault *e);
void image_file_free(image_file *f);                 /* what is not committed goes, but for PNG files; NULL allowed */

#endif
