/* keras_damage.h - files of Keras and of data, damaged at random and read: what the mutation driver and tests share. */
#ifndef SAGAN_TESTS_KERAS_DAMAGE_H
#define SAGAN_TESTS_KERAS_DAMAGE_H

#include "core/base/base.h"

enum damage_kind {
	DAMAGE_OLD,                                  /* legacy layout as h5py writes it: no checksums, variable texts */
	DAMAGE_V18,                                  /* legacy layout, as we write it: checksums, fixed texts */
	DAMAGE_NATIVE,                               /* .weights.h5 */
	DAMAGE_ARCHIVE,                              /* .keras: half of them with damaged members in a sound zip */
	DAMAGE_DATA,                                 /* images and labels in HDF5 without checksums */
	DAMAGE_JPEG, DAMAGE_WEBP, DAMAGE_GIF, DAMAGE_PNG,
	DAMAGE_ZIP, DAMAGE_TAR,                      /* of pictures and of numpy's files */
	DAMAGE_NUMPY,                                /* .npy */
	DAMAGE_PICKLE,                               /* CIFAR's */
	DAMAGE_IDX,                                  /* images, plain and packed */
	DAMAGE_YAML,                                 /* configs */
	DAMAGE_CHECKPOINT,                           /* read as good only with the checksum that the sound one has */
	DAMAGE_KINDS
};
extern const char *const damage_name[DAMAGE_KINDS];
bool damage_is_hdf5(enum damage_kind kind);          /* libhdf5 reads them */

typedef struct damage_counts {
	int64_t read, refused;                       /* refused: with one line */
	int64_t crashes, limits;                     /* of those: the confined reader stopped on a signal, on a limit */
	int64_t silent;                              /* refused without a line, or with several, or believed: wrong */
} damage_counts;

/* Makes file number `i` of a kind in `path` and reads it as a user of the library would, to a network ready to run. */
void damage_try(enum damage_kind kind, int64_t i, const char *path, damage_counts *c);

#endif
