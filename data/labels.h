/* labels.h - the list of labels that StyleGAN's tools put beside pictures, dataset.json:
 *	{"labels": [["00000/img00000000.png", 6], ..]}, or null without labels.
 * Folders mean nothing then; a picture's class stands in the list. Private to data/. */
#ifndef SAGAN_DATA_LABELS_H
#define SAGAN_DATA_LABELS_H

#include "data/source.h"

#define LABELS_FILE "dataset.json"

typedef struct label_list {
	bool there;                                  /* the file is such a list; else nothing else is set */
	int64_t n;                                   /* 0: "labels" is null */
	struct label_row {
		char *path;                          /* own; from the list's folder */
		int32_t label;
	} *row;                                      /* own; [n], sorted by path */
	int classes;
} label_list;

/* The list in a folder; a missing file, or one of other JSON, is no list and no error. */
bool labels_read(label_list *l, const bundle *in, const char *folder, fault *e);
void labels_free(label_list *l);
int32_t labels_of(const label_list *l, const char *path);            /* -1: not in the list */

#endif
