/* passed.h - what a reader leaves out of a folder, to be told: nothing vanishes in silence. Private to data/. */
#ifndef SAGAN_DATA_PASSED_H
#define SAGAN_DATA_PASSED_H

#include "data/dataset_internal.h"
#include "data/source.h"

/* Files, by the end of their names, and folders that are not looked into. */
typedef struct passed_over {
	int64_t files;
	struct {
		char ending[16];
		int64_t n;
	} kind[8];
	int kinds;                                   /* files of further kinds are in `files` only */
	names folders;                               /* own */
	int64_t hidden;                              /* files and folders whose names begin with a dot */
} passed_over;

void passed_file(passed_over *p, const char *name);
bool passed_folder(passed_over *p, const char *name, fault *e);      /* the same name counts once */
void passed_free(passed_over *p);

/* "3 .txt, 1 .csv"; "" of none. Returns buf. */
char *passed_files_print(const passed_over *p, char *buf, size_t size);
/* Notes of the set: warnings of files and folders, if there are any. */
bool passed_note(const passed_over *p, dataset *d, fault *e);

#endif
