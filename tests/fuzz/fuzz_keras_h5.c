/* fuzz_keras_h5.c - Keras' .h5 and .weights.h5. */
#include "tests/fuzz/targets.h"

void fuzz_keras_h5(const uint8_t *x, size_t n)
{
	fuzz_model(fuzz_file("model.h5", x, n));
}
