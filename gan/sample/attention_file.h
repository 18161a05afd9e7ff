/* attention_file.h - the numbers of attention maps, as HDF5. */
#ifndef SAGAN_GAN_SAMPLE_ATTENTION_FILE_H
#define SAGAN_GAN_SAMPLE_ATTENTION_FILE_H

#include "gan/sample/frame.h"
#include "gan/sample/gaze.h"

/* Of the last look of g, on an image of this shape: /image [H,W,C] in [-1,1], and for each of its layers number lo to
 * hi - 1 /maps/NAME [heads,qh,qw,kh,kw] with the attributes type and shares (attention_view). The file's attributes are
 * network, class, source, step and seed. By temporary file and rename. False with e set: no memory, a file that cannot
 * be written, or maps of more than GAZE_MAP_MAX numbers. */
bool attention_file_write(const char *path, gaze *g, int lo, int hi, shape of, enum net_side side, int label,
	const picture_about *about, fault *e);

#endif
