/* fuzz_keras.c - Keras' .keras: a zip of JSON and HDF5. */
#include "tests/fuzz/targets.h"

void fuzz_keras(const uint8_t *x, size_t n)
{
	fuzz_model(fuzz_file("model.keras", x, n));
}
