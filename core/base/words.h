/* words.h - a list of names: what a setting may be. The module that gives the names their meaning owns the list;
 * whoever reads, prints or checks such a setting is handed the list. */
#ifndef SAGAN_CORE_BASE_WORDS_H
#define SAGAN_CORE_BASE_WORDS_H

#include "core/base/base.h"

SAGAN_BEGIN

/* Names in a row, ended by NULL: an array of names, or the names of an array of records. {0}: none. */
typedef struct word_list {
	const char *const *first;
	size_t stride;                               /* bytes from one name to the next */
	const char *last;                            /* one more after them; NULL: none */
} word_list;

/* As initialisers: WORDS(update_rule_name), WORDS_OF(gan_losses, name). */
#define WORDS(array) {(array), sizeof *(array), NULL}
#define WORDS_AND(array, last) {(array), sizeof *(array), (last)}
#define WORDS_OF(table, field) {&(table)[0].field, sizeof (table)[0], NULL}

const char *word_at(word_list l, int i);             /* NULL after the last one */
int word_count(word_list l);
int word_find(word_list l, const char *word);        /* index, or -1 */
const char *word_near(word_list l, const char *word);        /* closest() of the list */
/* "a, b or c". Returns buf. */
char *words_print(word_list l, char *buf, size_t size);

SAGAN_END
#endif
