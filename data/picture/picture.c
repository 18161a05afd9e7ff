/* picture.c - which kind of picture a file is, and that kind's decoder. */
#include "data/picture/picture.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "core/base/local.h"
#include "core/base/words.h"
#include "data/picture/picture_internal.h"

extern const picture_kind picture_png, picture_jpeg, picture_webp, picture_gif;
static const picture_kind *const KINDS[] = {&picture_png, &picture_jpeg, &picture_webp, &picture_gif, NULL};

const picture_options picture_defaults = {.behind = {255, 255, 255}};

static const picture_kind *kind_of(const uint8_t *head, size_t n)
{
	const picture_kind *const *k = KINDS;
	while (*k && !(*k)->is(head, n))
		k++;
	return *k;
}

const char *picture_kind_name(const uint8_t *head, size_t n)
{
	const picture_kind *k = kind_of(head, n);
	return k ? k->name : NULL;
}

bool picture_is_named(const char *name)
{
	const char *dot = strrchr(name, '.');
	for (const picture_kind *const *k = KINDS; dot && *k; k++)
		for (const char *const *ending = (*k)->ending; *ending; ending++)
			if (strcasecmp(dot, *ending) == 0)
				return true;
	return false;
}

char *picture_kinds_print(char *buf, size_t size)
{
	return words_print((word_list)WORDS_AT(KINDS), buf, size);
}

static const picture_kind *kind_found(const char *path, const uint8_t *x, size_t n, fault *e)
{
	char known[64];
	const picture_kind *k = kind_of(x, n);
	picture_kinds_print(known, sizeof known);
	if (!k)
		fault_at(e, path, n ? "no picture that is read: its first bytes are those of no %s"
				    : "an empty file, no %s", known);
	return k;
}

bool picture_sides_check(const char *path, int64_t h, int64_t w, fault *e)
{
	return (h >= 1 && w >= 1 && h <= DATA_SIDE_MAX && w <= DATA_SIDE_MAX)
		|| fault_at(e, path, "%" PRId64 " pixels high, %" PRId64 " wide; allowed are 1 to %d a side", h, w,
			DATA_SIDE_MAX);
}

bool picture_stat(const char *path, const uint8_t *x, size_t n, picture_size *s, fault *e)
{
	const picture_kind *k = kind_found(path, x, n, e);
	return k && k->stat(path, x, n, s, e);
}

bool picture_read(const char *path, const uint8_t *x, size_t n, const picture_options *o, image *im, fault *e)
{
	const picture_kind *k = kind_found(path, x, n, e);
	*im = (image){0};
	return k && k->read(path, x, n, o, im, e);
}
