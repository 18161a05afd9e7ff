/* text.c - see text.h. */
#include "core/base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

/* ---- the rule ---- */

/* Well-formed UTF-8 by its first two bytes (Unicode 15, table 3-7). */
static const struct form {
	unsigned char lo, hi, second_lo, second_hi;
	int n;
} FORM[] = {
	{0x01, 0x7f, 0, 0, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Characters that are not seen but obeyed. */
static const struct span {
	uint32_t lo, hi;
} OBEYED[] = {
	{0x00, 0x1f}, {0x7f, 0x9f},                  /* controls */
	{0x61c, 0x61c}, {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069},      /* direction (Unicode annex 9) */
	{0x2028, 0x2029},                            /* ends of line and paragraph */
	{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff},        /* mark of byte order, annotations, none */
	{0xe0000, 0xe007f},                          /* tags */
};

int text_decode(const char *s, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)s;
	for (int i = 0; i < COUNT(FORM); i++) {
		const struct form *f = &FORM[i];
		if (p[0] < f->lo || p[0] > f->hi)
			continue;
		uint32_t found = f->n == 1 ? p[0] : p[0] & (0x7fu >> f->n);
		for (int k = 1; k < f->n; k++) {
			if (p[k] < (k == 1 ? f->second_lo : 0x80) || p[k] > (k == 1 ? f->second_hi : 0xbf))
				return 0;
			found = found << 6 | (p[k] & 0x3fu);
		}
		*code = found;
		return f->n;
	}
	return 0;
}

int text_harmless(const char *p)
{
	uint32_t code;
	const int n = text_decode(p, &code);
	for (int i = 0; n && i < COUNT(OBEYED); i++)
		if (code >= OBEYED[i].lo && code <= OBEYED[i].hi)
			return 0;
	return n;
}

bool text_real(const char *s, double *x)
{
	char *end;
	if (!*s || strspn(s, "+-.0123456789eE") != strlen(s))
		return false;
	errno = 0;
	*x = strtod(s, &end);
	return *end == '\0' && (errno != ERANGE || (*x != 0 && isfinite(*x)));
}

bool text_count(const char *s, int64_t *x)
{
	char *end;
	if (!*s || strspn(s, "+-0123456789") != strlen(s))
		return false;
	errno = 0;
	*x = strtoll(s, &end, 10);
	return errno == 0 && *end == '\0';
}

int text_first(const char *s, int most, int *n)
{
	int bytes = 0;
	uint32_t code;
	for (*n = 0; *n < most && s[bytes]; ++*n)
		bytes += MAX(text_decode(s + bytes, &code), 1);
	return bytes;
}

char *text_plain(char *s, char keep)
{
	for (char *p = s; *p;) {
		const int n = text_harmless(p);
		if (n == 0 && *p != keep)
			*p = '?';
		p += MAX(n, 1);
	}
	return s;
}

char *text_plain_new(const char *s, char keep, fault *e)
{
	char *copy = text_copy(s, e);
	return copy ? text_plain(copy, keep) : NULL;
}

text_shown text_show(const char *s)
{
	text_shown t;
	const size_t n = (size_t)snprintf(t.s, sizeof t.s, "%s", s);
	if (n >= sizeof t.s)
		memcpy(t.s + sizeof t.s - 4, "...", 4);
	text_plain(t.s, 0);
	return t;
}

/* ---- what a medium adds ---- */

const char *text_markup(char c)
{
	static const char special[] = "<>&\"'";
	static const char *const as[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
	const char *at = c ? strchr(special, c) : NULL;
	return at ? as[at - special] : NULL;
}

const char *text_script(char c)
{
	return c == '<' ? "\\u003c" : NULL;
}

char *text_cell(const char *s, char *buf, size_t size)
{
	const bool formula = *s && strchr("=+-@", *s), quotes = formula || s[strcspn(s, ",;\"'\t ")];
	size_t n = 0;
	for (const char *p = quotes ? "\"" : ""; *p && n + 1 < size; p++)
		buf[n++] = *p;
	if (formula && n + 1 < size)
		buf[n++] = '\'';
	for (; *s && n + 4 < size; s++) {
		if (*s == '"')
			buf[n++] = '"';
		buf[n++] = *s;
	}
	if (quotes && n + 1 < size)
		buf[n++] = '"';
	buf[n] = '\0';
	return text_plain(buf, 0);
}

/* Whether a text has what must not be shown. */
static bool has_harm(const char *s)
{
	int n = 1;
	for (; *s && n; s += n)
		n = text_harmless(s);
	return n == 0;
}

char *text_shell(const char *s, char *buf, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-";
	const size_t n = strlen(s);
	const char *before = *s == '-' ? "./" : "";
	if (n && strspn(s, plain) == n) {
		snprintf(buf, size, "%s%s", before, s);
		return buf;
	}
	/* Between single quotes a shell reads everything as it stands, but for a single quote; in $'' numbers, too. */
	const bool harm = has_harm(s);
	size_t at = (size_t)snprintf(buf, size, harm ? "$'%s" : "'%s", before);
	for (const char *p = s; *p && at + 6 <= size;) {
		const int k = MAX(text_harmless(p), 1);
		if (*p == '\'')
			at += (size_t)snprintf(buf + at, size - at, harm ? "\\'" : "'\\''");
		else if (harm && *p == '\\')
			at += (size_t)snprintf(buf + at, size - at, "\\\\");
		else if (!text_harmless(p))
			at += (size_t)snprintf(buf + at, size - at, "\\%03o", (unsigned)(unsigned char)*p);
		else
			at += (size_t)snprintf(buf + at, size - at, "%.*s", k, p);
		p += k;
	}
	snprintf(buf + at, size - at, "'");
	return buf;
}

char *text_python(const char *s, bool f, char *buf, size_t size)
{
	size_t at = 0;
	buf[0] = '\0';
	for (int k; *s && at + 11 <= size; s += k) {
		uint32_t code = 0xdc00 + (unsigned char)*s;      /* no UTF-8: how Python has such bytes of a path */
		k = MAX(text_decode(s, &code), 1);
		if (!text_harmless(s))
			at += (size_t)snprintf(buf + at, size - at, code > 0xffff ? "\\U%08x" : "\\u%04x",
				(unsigned)code);
		else if (*s == '"' || *s == '\\')
			at += (size_t)snprintf(buf + at, size - at, "\\%c", *s);
		else if (f && (*s == '{' || *s == '}'))
			at += (size_t)snprintf(buf + at, size - at, "%c%c", *s, *s);
		else
			at += (size_t)snprintf(buf + at, size - at, "%.*s", k, s);
	}
	return buf;
}
