/* fuzz_main.c - what libFuzzer calls; FUZZ_TARGET is the target's name (Makefile). */
#include "tests/fuzz/targets.h"

#define JOIN(a, b) a##b
#define CALL(name) JOIN(fuzz_, name)

int LLVMFuzzerTestOneInput(const uint8_t *x, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *x, size_t n)
{
	CALL(FUZZ_TARGET)(x, n);
	return 0;
}
