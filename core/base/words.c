/* words.c - walking, searching and printing a list of names. */
#include "core/base/words.h"

#include <stdio.h>
#include <string.h>

#include "core/base/local.h"

enum { WORDS_MAX = 64 };                             /* among which a near one is looked for */

/* Name i of those in a row, or NULL after them. */
static const char *in_row(word_list l, int i)
{
	const char *const *at = (const char *const *)((const char *)l.first + (size_t)i * l.stride);
	return l.pointers && *at ? *(const char *const *)*at : *at;
}

/* Names without the last one. */
static int count_in_row(word_list l)
{
	int n = 0;
	while (l.first && in_row(l, n))
		n++;
	return n;
}

int word_count(word_list l)
{
	return count_in_row(l) + (l.last != NULL);
}

const char *word_at(word_list l, int i)
{
	const int n = count_in_row(l);
	if (i < 0 || i > n)
		return NULL;
	return i == n ? l.last : in_row(l, i);
}

int word_find(word_list l, const char *word)
{
	const char *name;
	for (const word_renamed *r = l.renamed; r && r->old; r++)
		if (strcmp(r->old, word) == 0)
			word = r->name;
	for (int i = 0; (name = word_at(l, i)) != NULL; i++)
		if (strcmp(name, word) == 0)
			return i;
	return -1;
}

const char *word_near(word_list l, const char *word)
{
	const char *list[WORDS_MAX];
	int n = 0;
	while (n < WORDS_MAX && (list[n] = word_at(l, n)) != NULL)
		n++;
	return text_closest(word, list, n);
}

char *words_print(word_list l, char *buf, size_t size)
{
	const int count = word_count(l);
	size_t n = (size_t)snprintf(buf, size, "%s", "");
	const char *word;
	for (int i = 0; n < size && (word = word_at(l, i)) != NULL; i++) {
		const char *joint = i == 0 ? "" : i + 1 < count ? ", " : " or ";
		n += (size_t)snprintf(buf + n, size - n, "%s%s", joint, word);
	}
	return buf;
}
