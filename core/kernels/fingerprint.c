/* fingerprint.c - a table of what this process was built as and runs as. */
#define _DEFAULT_SOURCE                              /* __GLIBC__ by features.h */
#include "core/kernels/fingerprint.h"

#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "core/base/level.h"
#include "core/base/local.h"
#include "core/base/version.h"
#include "core/kernels/conv_form.h"

/* At every other level a sum's terms are one fused multiply-add each, so that these agree (docs/portability.md). */
static const char *sums(void)
{
	return level_now() == LEVEL_BASE && strcmp(level_name(LEVEL_BASE), "base") == 0 ? "rounded twice" : "fused";
}

static const char *precision(void)
{
	return REAL_NAME;
}

static const char *version(void)
{
	return SAGAN_VERSION;
}

static const char *compiler(void)
{
#if defined(__clang__)
	return "clang " __clang_version__;
#elif defined(__GNUC__)
	return "gcc " __VERSION__;
#else
	return "unknown";
#endif
}

/* Elementary functions of arrays are our own in float, the C library's in double. */
static const char *c_library(void)
{
#ifdef REAL_DOUBLE
#ifdef __GLIBC__
	return gnu_get_libc_version();
#else
	return "unknown";
#endif
#else
	return "of no matter";
#endif
}

static const struct {
	const char *name, *meaning;
	const char *(*value)(void);
	bool certain;
} ROW[] = {
	{"precision", "what numbers are computed in", precision, true},
	{"sums", "products and sums of convolutions and matrices: the processor's level, SAGAN_LEVEL", sums, true},
	{"convolutions", "the forms that SAGAN_CONV allows; train.exact of a config may be stricter", conv_form_least,
	true},
	{"version", "another one may sum in another order", version, false},
	{"compiler", "bits are the same with all that were tried", compiler, false},
	{"C library", "its elementary functions, in double", c_library, false},
};

bool fingerprint_at(int i, fingerprint_row *out)
{
	if (i < 0 || i >= COUNT(ROW))
		return false;
	*out = (fingerprint_row){.name = ROW[i].name, .meaning = ROW[i].meaning, .certain = ROW[i].certain};
	snprintf(out->value, sizeof out->value, "%s", ROW[i].value());
	for (char *p = out->value; *p; p++)          /* they part the rows */
		if (*p == ';')
			*p = ',';
	return true;
}

char *fingerprint_now(char buf[FINGERPRINT_TEXT])
{
	fingerprint_row r;
	size_t n = 0;
	buf[0] = '\0';
	for (int i = 0; fingerprint_at(i, &r); i++) {
		n += (size_t)snprintf(buf + n, FINGERPRINT_TEXT - n, "%s%s: %s", i ? "; " : "", r.name, r.value);
		must(n < FINGERPRINT_TEXT, "the fingerprint needs more room");
	}
	return buf;
}

/* The value of a row in a text; false: the text does not have it. */
static bool value_in(const char *text, const char *name, char *value, size_t size)
{
	const size_t n = strlen(name);
	for (; *text; text += strspn(text, "; ")) {
		const size_t length = strcspn(text, ";");
		if (length > n + 1 && memcmp(text, name, n) == 0 && memcmp(text + n, ": ", 2) == 0) {
			snprintf(value, size, "%.*s", (int)(length - n - 2), text + n + 2);
			return true;
		}
		text += length;
	}
	return false;
}

bool fingerprint_differs(const char *then, char buf[FINGERPRINT_TEXT], bool *certain)
{
	fingerprint_row r;
	size_t n = 0;
	buf[0] = '\0';
	*certain = false;
	for (int i = 0; fingerprint_at(i, &r); i++) {
		char was[sizeof r.value];
		if (!value_in(then, r.name, was, sizeof was) || strcmp(was, r.value) == 0)
			continue;
		*certain = *certain || r.certain;
		if (n < FINGERPRINT_TEXT)
			n += (size_t)snprintf(buf + n, FINGERPRINT_TEXT - n, "%s%s %s, here %s", n ? "; " : "", r.name,
				was,
				r.value);
	}
	return n > 0;
}

bool fingerprint_line(const char *then, int64_t step, char line[FINGERPRINT_LINE], bool *certain)
{
	char what[FINGERPRINT_TEXT];
	*certain = false;
	if (!then[0])
		return snprintf(line, FINGERPRINT_LINE, "the checkpoint, of an older version, does not say what it was "
			"computed with: from step %lld on the bits may differ from those of a run that stayed there",
			(long long)step) > 0;
	if (!fingerprint_differs(then, what, certain))
		return false;
	snprintf(line, FINGERPRINT_LINE,
		"other arithmetic than the checkpoint's: %s: from step %lld on the bits %s from "
		"those of a run that stayed there", what, (long long)step, *certain ? "will differ" : "may differ");
	return true;
}
