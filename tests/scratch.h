/* scratch.h - folders of a test program, all below one that is removed when the program ends. */
#ifndef SAGAN_TESTS_SCRATCH_H
#define SAGAN_TESTS_SCRATCH_H

/* Makes the folder of the program, under TMPDIR; removes it with all it holds. Tests that fork, fail, hang or crash
 * between the two leave nothing behind, and neither does a program that SIGINT, SIGTERM or SIGHUP ends. */
void scratch_open(void);
void scratch_close(void);
/* The folder itself: what all tests of the program share. */
const char *scratch_root(void);

/* A new folder in it, for one test: gone, with the text of its path, at scratch_drop. At most 64 at a time. */
const char *scratch_folder(void);
/* The same for a file, which the test makes. */
const char *scratch_file(void);
void scratch_drop(void);

#endif
