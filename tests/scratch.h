/* scratch.h - a folder for each test, in one of the program that is removed when the program ends. */
#ifndef SAGAN_TESTS_SCRATCH_H
#define SAGAN_TESTS_SCRATCH_H

/* Makes the folder of the program, under TMPDIR; removes it with all it holds. Tests that fork, fail, hang or crash
 * between the two leave nothing behind, and neither does a program that SIGINT, SIGTERM or SIGHUP ends. */
void scratch_open(void);
void scratch_close(void);

/* The folder of this test, made when first asked for. It and the texts below go at scratch_drop. */
const char *scratch_folder(void);
/* The path of `name` in it; makes the folders that `name` goes through. At most 256 names a test. */
const char *scratch_at(const char *name);
void scratch_drop(void);

#endif
