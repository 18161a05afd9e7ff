/* fingerprint.h - what decides bits of the results besides the config, the data and the seed: the one list of it.
 *
 * A run keeps it in its checkpoints and compares it when it goes on; processes that share a run compare it when they
 * begin; `sagan info` shows it. docs/portability.md says why each row is there, and why other things are not. */
#ifndef SAGAN_CORE_KERNELS_FINGERPRINT_H
#define SAGAN_CORE_KERNELS_FINGERPRINT_H

#include "core/base/base.h"

/* One row: "sums" is "fused". certain: with another value the bits differ, as soon as a convolution is computed. Else
 * they are meant to be the same, and where it was tested they were. */
typedef struct fingerprint_row {
	const char *name, *meaning;
	char value[48];
	bool certain;
} fingerprint_row;

/* Row i of this process; false when there are no more. */
bool fingerprint_at(int i, fingerprint_row *out);

enum { FINGERPRINT_TEXT = 256 };
/* All rows as a text: "sums: fused; convolutions: as the config says; ..". Returns buf. */
char *fingerprint_now(char buf[FINGERPRINT_TEXT]);

/* What differs between this process and a text that another one has made: "sums fused, here rounded twice; ..".
 * `certain` as in a row, of any of them. False: nothing differs, of what both know. */
bool fingerprint_differs(const char *then, char buf[FINGERPRINT_TEXT], bool *certain);

/* For who goes on after `step` from what another process has computed ("": it does not say with what): one line that
 * says what differs, and that bits will, or may, differ from there. False: there is nothing to say. */
enum { FINGERPRINT_LINE = 512 };
bool fingerprint_line(const char *then, int64_t step, char line[FINGERPRINT_LINE], bool *certain);

#endif
