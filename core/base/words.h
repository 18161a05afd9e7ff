/* words.h - a list of names: what a setting may be. The module that gives the names their meaning owns the list, and
 * hands it to code that reads, prints or checks such a setting. */
#ifndef SAGAN_CORE_BASE_WORDS_H
#define SAGAN_CORE_BASE_WORDS_H

#include "core/base/base.h"

SAGAN_BEGIN

/* What a name was called in an older version: still found, written no more. */
typedef struct word_renamed {
	const char *old, *name;
} word_renamed;

/* Names in a row, ended by NULL: an array of names, the names of an array of records, or those of an array of pointers
 * to records that begin with their name. The array is kept. {0}: the empty list. */
typedef struct word_list {
	const void *first;                           /* the first name or pointer; NULL: there are none in a row */
	size_t stride;                               /* bytes from one name, or pointer, to the next */
	bool pointers;                               /* to records */
	const char *last;                            /* one more name after them; NULL: none */
	const word_renamed *renamed;                 /* ended by {NULL, NULL}; NULL: none */
} word_list;

/* As initialisers: WORDS(update_rule_name) of an array of names, WORDS_OF(gan_losses, name) of a field of an array of
 * records, WORDS_AT(data_formats) of an array of pointers; _AND adds one more name behind the others. */
#define WORDS(array) {(array), sizeof *(array), false, NULL, NULL}
#define WORDS_AND(array, last) {(array), sizeof *(array), false, (last), NULL}
#define WORDS_OF(table, field) {&(table)[0].field, sizeof (table)[0], false, NULL, NULL}
#define WORDS_AT(pointers) {(pointers), sizeof *(pointers), true, NULL, NULL}
#define WORDS_AT_OLD(pointers, last, renamed) {(pointers), sizeof *(pointers), true, (last), (renamed)}

const char *word_at(word_list l, int i);             /* name i, borrowed from the list; NULL when there is none */
int word_count(word_list l);
int word_find(word_list l, const char *word);        /* index, or -1; by an old name, too */
/* The name that a misspelt `word` most likely meant, among the first 64; NULL when none is near. */
const char *word_near(word_list l, const char *word);
/* Writes "a, b or c" into buf [size], size >= 1; a longer text is cut there. Returns buf. */
char *words_print(word_list l, char *buf, size_t size);

SAGAN_END
#endif
