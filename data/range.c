/* range.c - the histogram that decides what the numbers of images mean. */
#include "data/range.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

const char *const data_range_name[] = {
	[RANGE_AUTO] = "auto", [RANGE_0_1] = "0..1", [RANGE_SIGNED] = "-1..1", [RANGE_0_255] = "0..255",
	[RANGE_0_65535] = "0..65535", NULL
};

/* In the order in which they are tried. Slack: how far the bulk of the values may lie outside, in parts of the width,
 * which is the overshoot of a sharp resampling filter. Least: what the greatest of the bulk must reach, in parts of the
 * width; below it the numbers are something else, say standardised. */
static const struct {
	double black, white, slack, least;
} ENDS[RANGES] = {
	[RANGE_0_1] = {0, 1, 0.1, 0}, [RANGE_SIGNED] = {-1, 1, 0.1, 0}, [RANGE_0_255] = {0, 255, 0.1, 0.1},
	[RANGE_0_65535] = {0, 65535, 0, 0.01},
};

/* What lies outside by less than half a byte, in parts of the width, is not cut: it rounds to the same byte. */
static const double BYTE_SLACK = 0.5 / 255;
/* Share of the values on each side that does not count. */
static const double TAIL = 0.001;
/* Warnings: less of the range used, more of the values cut. */
static const double USED_LEAST = 0.5, CUT_MOST = 0.01;

double range_black(enum data_range r)
{
	must(r > RANGE_AUTO && r < RANGES, "range %d", r);
	return ENDS[r].black;
}

double range_white(enum data_range r)
{
	must(r > RANGE_AUTO && r < RANGES, "range %d", r);
	return ENDS[r].white;
}

static double width(enum data_range r)
{
	return range_white(r) - range_black(r);
}

/* ---- counting ---- */

/* A bin per sign, exponent and first seven digits of a float32: ordered like the values, each within 1 % of its bin,
 * whatever their size. */
enum { BINS = 1 << 16 };

struct range_count {
	int64_t n, bad;                              /* values; the first that is not a number, or -1 */
	double least, most;
	bool fractions;                              /* some value is no whole number */
	int64_t outside[RANGES];                     /* values that the range would cut */
	int64_t bin[BINS];
};

range_count *range_count_new(fault *e)
{
	range_count *c = mem_zero(1, sizeof *c, e);
	if (c)
		*c = (range_count){.bad = -1, .least = INFINITY, .most = -INFINITY};
	return c;
}

void range_count_free(range_count *c)
{
	free(c);
}

static uint32_t bin_of(double v)
{
	const float x = (float)v;
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	/* of negative numbers the larger bits are the smaller values */
	return (bits & 0x80000000u ? ~bits : bits | 0x80000000u) >> 16;
}

/* The value of a bin that is nearest to 0. */
static double bin_value(uint32_t bin)
{
	uint32_t bits = bin << 16;
	float x;
	bits = bits & 0x80000000u ? bits & 0x7fffffffu : ~(bits | 0xffffu);
	memcpy(&x, &bits, sizeof x);
	return (double)x + 0.0;                      /* -0 is 0 */
}

static void count(range_count *c, double v, int64_t n)
{
	if (!isfinite(v)) {
		c->bad = c->bad < 0 ? c->n : c->bad;
	} else {
		c->least = MIN(c->least, v);
		c->most = MAX(c->most, v);
		c->fractions = c->fractions || v != floor(v);
		c->bin[bin_of(v)] += n;
		for (enum data_range r = RANGE_0_1; r < RANGES; r++) {
			const double slack = width(r) * BYTE_SLACK;
			c->outside[r] += v < range_black(r) - slack || v > range_white(r) + slack ? n : 0;
		}
	}
	c->n += n;
}

void range_count_add(range_count *c, const range_count *more)
{
	c->bad = c->bad < 0 && more->bad >= 0 ? c->n + more->bad : c->bad;
	c->n += more->n;
	c->least = MIN(c->least, more->least);
	c->most = MAX(c->most, more->most);
	c->fractions = c->fractions || more->fractions;
	for (int r = 0; r < RANGES; r++)
		c->outside[r] += more->outside[r];
	for (int i = 0; i < BINS; i++)
		c->bin[i] += more->bin[i];
}

void range_count_reals(range_count *c, const real *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		count(c, (double)x[i], 1);
}

void range_count_bytes(range_count *c, const uint8_t *x, int64_t n)
{
	int64_t of[256] = {0};
	for (int64_t i = 0; i < n; i++)
		of[x[i]]++;
	for (int v = 0; v < 256; v++)
		if (of[v])
			count(c, v, of[v]);
}

/* ---- deciding ---- */

/* The value below which (from the top: above which) `tail` values lie. */
static double quantile(const range_count *c, int64_t tail, bool from_top)
{
	int64_t seen = 0;
	for (uint32_t i = 0; i < BINS; i++) {
		const uint32_t bin = from_top ? BINS - 1 - i : i;
		seen += c->bin[bin];
		if (seen > tail)
			return bin_value(bin);
	}
	return 0;
}

/* Of whole numbers the extremes decide, since none is there by rounding: a set of few bright dots is no set of 0 and 1.
 * They have overshoot only where they are bytes. Of others the bulk decides. */
static bool lies_in(const range_count *c, const range_found *f, enum data_range r)
{
	const double least = width(r) * ENDS[r].least;
	const bool used = (c->fractions ? f->high : f->most) >= least;
	const double slack = c->fractions || (used && least > 0) ? width(r) * ENDS[r].slack : 0;
	const double lo = range_black(r) - slack, hi = range_white(r) + slack;
	return c->fractions ? used && f->low >= lo && f->high <= hi : f->least >= lo && f->most <= hi;
}

bool range_decide(const range_count *c, enum data_range asked, const char *place, range_found *f, fault *e)
{
	const word_list ranges = DATA_RANGE_WORDS;
	char known[64];
	must(c->n > 0, "range_decide without values");
	if (c->bad >= 0)
		return fault_at(e, place, "value %" PRId64 " is not a number", c->bad);
	const int64_t tail = (int64_t)((double)c->n * TAIL);
	*f = (range_found){.range = asked, .asked = asked != RANGE_AUTO, .n = c->n, .least = c->least, .most = c->most,
		.low = quantile(c, tail, false), .high = quantile(c, tail, true)};
	if (!f->asked)
		for (f->range = RANGE_0_1; f->range < RANGES && !lies_in(c, f, f->range);)
			f->range++;
	if (f->range == RANGES && !c->fractions)
		return fault_at(e, place, "whole numbers from %g to %g, 99.9 %% of them from %g to %g; allowed for all "
			"of them are %s; data.range or --range takes them as one of these", f->least, f->most, f->low,
			f->high, words_print(ranges, known, sizeof known));
	if (f->range == RANGES)
		return fault_at(e, place, "values from %g to %g, 99.9 %% of them from %g to %g; allowed are %s; "
			"data.range or --range takes them as one of these", f->least, f->most, f->low, f->high,
			words_print(ranges, known, sizeof known));
	f->cut = c->outside[f->range];
	return true;
}

char *range_print(const range_found *f, char *text, size_t size)
{
	const double over = f->most - range_white(f->range), under = range_black(f->range) - f->least;
	const double far = over > under ? f->most : f->least;
	int n = snprintf(text, size, "range: %s, %s (%.3g to %.3g)", data_range_name[f->range],
		f->asked ? "as asked for; 99.9 % of the values" : "by 99.9 % of the values", f->low, f->high);
	if (f->cut && n > 0 && (size_t)n < size)
		snprintf(text + n, size - (size_t)n, "; %" PRId64 " %s outside, up to %g, %s cut off", f->cut,
			f->cut == 1 ? "value" : "values", far, f->cut == 1 ? "is" : "are");
	return text;
}

bool range_warning(const range_found *f, char *text, size_t size)
{
	const double used = (f->high - f->low) / width(f->range), cut = (double)f->cut / (double)f->n;
	if (cut > CUT_MOST)
		snprintf(text, size, "warning: %.1f %% of the values lie outside of %s and are cut off; data.range or "
			"--range says what the numbers mean", 100 * cut, data_range_name[f->range]);
	else if (used < USED_LEAST)
		snprintf(text, size, "warning: the values use %.2g %% of the range %s, so the images have little "
			"contrast; data.range or --range says what the numbers mean", 100 * used,
			data_range_name[f->range]);
	return cut > CUT_MOST || used < USED_LEAST;
}

void range_bytes(enum data_range r, const real *x, int64_t n, uint8_t *to)
{
	const double black = range_black(r), scale = 255 / width(r);
	for (int64_t i = 0; i < n; i++) {
		const double v = ((double)x[i] - black) * scale + 0.5;
		to[i] = v >= 255 ? 255 : v > 0 ? (uint8_t)v : 0;
	}
}
