/* words.h - a list of names: what a setting may be. The module that gives the names their meaning owns the list;
 * whoever reads, prints or checks such a setting is handed the list. */
#ifndef SAGAN_CORE_BASE_WORDS_H
#define SAGAN_CORE_BASE_WORDS_H

#include "core/base/base.h"

SAGAN_BEGIN

/* Names in a row, ended by NULL: an array of names, the names of an array of records, or those of an array of pointers
 * to records that begin with their name. {0}: none. */
typedef struct word_list {
	const void *first;
	size_t stride;                               /* bytes from one name, or pointer, to the next; 0: none */
	bool pointers;
	const char *last;                            /* one more after them; NULL: none */
} word_list;

/* As initialisers: WORDS(update_rule_name), WORDS_OF(gan_losses, name), WORDS_AT(data_formats). */
#define WORDS(array) {(array), sizeof *(array), false, NULL}
#define WORDS_AND(array, last) {(array), sizeof *(array), false, (last)}
#define WORDS_OF(table, field) {&(table)[0].field, sizeof (table)[0], false, NULL}
#define WORDS_AT(pointers) {(pointers), sizeof *(pointers), true, NULL}
#define WORDS_AT_AND(pointers, last) {(pointers), sizeof *(pointers), true, (last)}

const char *word_at(word_list l, int i);             /* NULL after the last one */
int word_count(word_list l);
int word_find(word_list l, const char *word);        /* index, or -1 */
const char *word_near(word_list l, const char *word);        /* text_closest() of the list */
/* "a, b or c". Returns buf. */
char *words_print(word_list l, char *buf, size_t size);

SAGAN_END
#endif
