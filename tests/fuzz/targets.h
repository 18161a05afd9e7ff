/* targets.h - the readers of files of strangers, each as a function that takes any bytes.
 *
 * `make fuzz-NAME` links one of them with clang's libFuzzer (fuzz_main.c); tests/test_fuzz.c runs all of them over the
 * files of tests/fuzz/corpus/NAME. A reader must give back a result or one line; a crash, a sanitizer's report, a wrong
 * memory access or a failed ck_assert is a finding. What libraries do happens in the same process (confined_here.c):
 * the program has them in a child, where their crashes would not be seen. */
#ifndef SAGAN_TESTS_FUZZ_TARGETS_H
#define SAGAN_TESTS_FUZZ_TARGETS_H

#include "core/base/base.h"

/* The one list of them; the Makefile reads it. */
#define FUZZ_TARGETS(T) \
	T(yaml) T(idx) T(gz) T(cifar) T(pickle) T(png) T(jpeg) T(webp) T(gif) T(npz) T(archive) T(hdf5) T(checkpoint) \
	T(keras_h5) T(keras) T(json)

#define FUZZ_DECLARE(name) void fuzz_##name(const uint8_t *x, size_t n);
FUZZ_TARGETS(FUZZ_DECLARE)

/* The bytes as a file of this name, in a folder of this process; the path, until the next call. */
const char *fuzz_file(const char *name, const uint8_t *x, size_t n);
/* That folder: one that goes with the process, in memory where the system has such, or the one that was given. */
const char *fuzz_folder(void);
void fuzz_use(const char *folder);

/* What every failed reader owes: one line of text. Stops the program otherwise. */
void fuzz_told(bool ok, const fault *e);

/* A data set of this format, as `sagan data` reads it; it is released. */
void fuzz_data(const char *path, const char *format);
/* A picture; its kind is known by its bytes. */
void fuzz_picture(const uint8_t *x, size_t n);
/* A file of Keras, to a network that is ready to run. */
void fuzz_model(const char *path);

#endif
