/* schedule.c - one function for each kind of decay. */
#include "optim/schedule.h"

#include "core/base/portable.h"

const char *const decay_name[] = {
	[DECAY_NONE] = "constant", [DECAY_LINEAR] = "linear", [DECAY_COSINE] = "cosine", NULL
};

static double none(double f, double s)
{
	(void)f, (void)s;
	return 1;
}

static double linear(double f, double s)
{
	return 1 - (1 - f) * s;
}

static double cosine(double f, double s)
{
	return f + (1 - f) * 0.5 * (1 + portable_cos_turns(s / 2));
}

static double (*const decay_of[])(double f, double s) = {
	[DECAY_NONE] = none, [DECAY_LINEAR] = linear, [DECAY_COSINE] = cosine,
};

double ramp_at(const ramp *c, int64_t step, int64_t steps)
{
	const double s = step < steps ? (double)step / (double)steps : 1;
	return c->from == c->to ? c->from : c->to + (c->from - c->to) * cosine(0, s);
}

double schedule_lr(const schedule *s, int64_t step)
{
	if (step < s->warmup)
		return s->rate * (double)(step + 1) / (double)s->warmup;
	int64_t done = step - s->warmup, length = s->steps - s->warmup;
	double at = done < length ? (double)done / (double)length : 1;
	return s->rate * decay_of[s->decay](s->final_fraction, at);
}
