/* attributes.c - see attributes.h. */
#include "gan/checkpoint/attributes.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

enum kind { TEXT, LONG_TEXT, WHOLE, NUMBER };        /* char [room]; char *, own; int64_t; double */

/* In the order in which they are written. What is optional is left out where it is empty, and a score where there is
 * none. */
#define AT(field) offsetof(checkpoint_info, field), sizeof ((checkpoint_info *)0)->field
static const struct attribute {
	const char *name;
	enum kind kind;
	size_t at, room;
	bool optional;
} ATTRIBUTE[] = {
	{"program", TEXT, AT(program), false},
	{"format", WHOLE, AT(format), false},
	{"step", WHOLE, AT(step), false},
	{"precision", TEXT, AT(precision), false},
	{"config", LONG_TEXT, AT(config), false},
	{"class_names", LONG_TEXT, AT(class_names), true},
	{"score", NUMBER, AT(score), true},
	{"score_about", TEXT, AT(score_about), true},
	{"data", TEXT, AT(data), true},
	{"began_from", TEXT, AT(began_from), true},
	{"fingerprint", TEXT, AT(fingerprint), true},
	{"arrays", TEXT, AT(arrays), true},
	{CHECKSUM_OF, TEXT, AT(checksum_of), true},
	{"checksum", TEXT, AT(checksum), false},
};
#undef AT

static void *field_of(checkpoint_info *c, const struct attribute *a)
{
	return (char *)c + a->at;
}

/* ---- the checksum ---- */

static void add_value(sha256 *s, const char *name, const char *value)
{
	char head[128];
	const size_t n = strlen(value);
	sha256_add(s, head, (size_t)snprintf(head, sizeof head, "%.90s %zu\n", name, n));
	sha256_add(s, value, n);
	sha256_add(s, "\n", 1);
}

/* As it is in the file, which another version may have written: its kind is asked of the file. */
static bool add_attribute(h5 *f, const char *name, sha256 *s, fault *e)
{
	const char kind = h5_attr_kind(f, "/", name);
	char number[64];
	int64_t whole;
	double x;
	if (kind == 'i' && h5_attr_i64(f, "/", name, &whole, e)) {
		snprintf(number, sizeof number, "%lld", (long long)whole);
	} else if (kind == 'f' && h5_attr_f64(f, "/", name, &x, e)) {
		snprintf(number, sizeof number, "%.17g", x);
	} else {
		char *text = h5_attr_text_new(f, "/", name, e);
		if (text)
			add_value(s, name, text);
		free(text);
		return text != NULL;
	}
	add_value(s, name, number);
	return true;
}

/* The next word of a list, and *at behind it; false at its end. */
static bool next_word(const char **at, char word[CHECKSUM_OF_ROOM])
{
	*at += strspn(*at, " ");
	const size_t n = strcspn(*at, " ");
	snprintf(word, CHECKSUM_OF_ROOM, "%.*s", (int)MIN(n, CHECKSUM_OF_ROOM - 1), *at);
	*at += n;
	return n > 0;
}

static bool has_word(const char *list, const char *wanted)
{
	char word[CHECKSUM_OF_ROOM];
	while (next_word(&list, word))
		if (strcmp(word, wanted) == 0)
			return true;
	return false;
}

/* These two say what is hashed, and what that gave. */
static bool is_of_checksum(const struct attribute *a)
{
	return strcmp(a->name, CHECKSUM_OF) == 0 || strcmp(a->name, "checksum") == 0;
}

bool attributes_checksum(h5 *f, const char *path, const char *covered, char text[SHA256_TEXT], fault *e)
{
	char word[CHECKSUM_OF_ROOM];
	sha256 s = sha256_new();
	for (int i = 0; i < COUNT(ATTRIBUTE); i++)
		if (!is_of_checksum(&ATTRIBUTE[i]) && !has_word(covered, ATTRIBUTE[i].name)
			&& h5_attr_exists(f, "/", ATTRIBUTE[i].name))
			return fault_at(e, path, "damaged: its checksum does not cover the attribute %s",
				ATTRIBUTE[i].name);
	if (!h5_answers(f, e))
		return false;
	add_value(&s, CHECKSUM_OF, covered);
	while (next_word(&covered, word))
		if (!add_attribute(f, word, &s, e))
			return false;
	sha256_text(&s, text);
	return true;
}

/* ---- writing ---- */

static bool is_there(const checkpoint_info *c, const struct attribute *a)
{
	const void *x = (const char *)c + a->at;
	if (!a->optional)
		return true;
	if (x == &c->score || x == c->score_about)
		return c->has_score;
	return a->kind == LONG_TEXT ? *(char *const *)x != NULL : *(const char *)x != '\0';
}

static bool write_one(h5 *f, const checkpoint_info *c, const struct attribute *a, fault *e)
{
	const void *x = (const char *)c + a->at;
	return a->kind == TEXT ? h5_attr_write_text(f, "/", a->name, x, e)
		: a->kind == LONG_TEXT ? h5_attr_write_text(f, "/", a->name, *(char *const *)x, e)
		: a->kind == WHOLE ? h5_attr_write_i64(f, "/", a->name, *(const int64_t *)x, e)
		: h5_attr_write_f64(f, "/", a->name, *(const double *)x, e);
}

bool attributes_write(h5 *f, const checkpoint_info *about, fault *e)
{
	checkpoint_info c = *about;                  /* its texts stay the caller's */
	size_t n = 0;
	c.checksum_of[0] = '\0';
	for (int i = 0; i < COUNT(ATTRIBUTE); i++) {
		const struct attribute *a = &ATTRIBUTE[i];
		if (is_of_checksum(a) || !is_there(&c, a))
			continue;
		n += (size_t)snprintf(c.checksum_of + n, sizeof c.checksum_of - n, "%s%s", n ? " " : "", a->name);
		must(n < sizeof c.checksum_of, "the names of all attributes need more room");
		if (!write_one(f, &c, a, e))
			return false;
	}
	return h5_attr_write_text(f, "/", CHECKSUM_OF, c.checksum_of, e)
		&& attributes_checksum(f, c.path, c.checksum_of, c.checksum, e)
		&& h5_attr_write_text(f, "/", "checksum", c.checksum, e);
}

/* ---- reading ---- */

static bool read_one(h5 *f, checkpoint_info *c, const struct attribute *a, fault *e)
{
	void *x = field_of(c, a);
	if (a->kind == LONG_TEXT)
		return (*(char **)x = h5_attr_text_new(f, "/", a->name, e)) != NULL;
	return a->kind == TEXT ? h5_attr_text(f, "/", a->name, x, a->room, e)
		: a->kind == WHOLE ? h5_attr_i64(f, "/", a->name, x, e) : h5_attr_f64(f, "/", a->name, x, e);
}

bool attributes_read(h5 *f, checkpoint_info *c, fault *e)
{
	c->has_score = h5_attr_exists(f, "/", "score") && h5_attr_exists(f, "/", "score_about");
	for (int i = 0; i < COUNT(ATTRIBUTE); i++) {
		const struct attribute *a = &ATTRIBUTE[i];
		if ((!a->optional || h5_attr_exists(f, "/", a->name)) && !read_one(f, c, a, e))
			return false;
	}
	return h5_answers(f, e);
}
