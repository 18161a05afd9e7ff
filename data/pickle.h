/* pickle.h - as much of Python's pickles as CIFAR's python version needs: a dictionary of texts, lists of whole numbers
 * and texts, and arrays of bytes. Private to data/.
 *
 * Nothing is executed: what a pickle names and calls becomes a value that only holds its arguments. */
#ifndef SAGAN_DATA_PICKLE_H
#define SAGAN_DATA_PICKLE_H

#include "data/source.h"

typedef struct pickle pickle;
pickle *pickle_open(const bundle *in, const char *path, fault *e);   /* new/free; NULL with e set */
void pickle_free(pickle *p);                         /* NULL allowed */

/* The list under a key, of whole numbers (*v [*n], new/free) or of texts (names_free). False with e set: it is none. */
bool pickle_numbers(const pickle *p, const char *key, int64_t **v, int64_t *n, fault *e);
bool pickle_texts(const pickle *p, const char *key, names *l, fault *e);
/* The bytes [*n] of the array under a key, row by row, borrowed; NULL: there is none. */
const uint8_t *pickle_array(const pickle *p, const char *key, int64_t *n);

#endif
