/* losses.c - one row per loss.
 *
 * hinge        arXiv 1705.02894, SAGAN          ns       arXiv 1406.2661, the non-saturating form
 * kl           the official SAGAN code: its D has the loss of ns, its G minimises -mean f, as in hinge. Where D
 *              tells the fakes well (f far below 0) both G losses have slope -1; where D is fooled the slope of ns
 *              goes to 0 and that of kl stays (brain-research/self-attention-gan ad9612e, model.py).
 * minimax      arXiv 1406.2661, for comparison only
 * ls           arXiv 1611.04076                 wgan     arXiv 1701.07875
 * keras_hinge  mnistGANs ba7e598: real and fake are one batch, and G's target is 2: no gradient once
 *              f > 0.5
 * rpgan        arXiv 1807.00734, 2501.05441: each fake against a real image of its own. Only how far apart the two
 *              are counts; the border between all real and all fake images, to which a collapse leads, does not. */
#include "gan/loss/losses.h"

#include <math.h>
#include <string.h>

#include "core/base/words.h"
#include "core/graph/ops.h"

/* relu(1 + sign*x) */
static node *margins(graph *g, node *x, double sign)
{
	return op_relu(g, op_add_scalar(g, op_scale(g, x, sign), 1));
}

static node *margin(graph *g, node *x, double sign)
{
	return op_mean_all(g, margins(g, x, sign));
}

/* softplus(sign*x) */
static node *softs(graph *g, node *x, double sign)
{
	return op_softplus(g, op_scale(g, x, sign));
}

static node *soft(graph *g, node *x, double sign)
{
	return op_mean_all(g, softs(g, x, sign));
}

/* 0.5 (x - target)^2 */
static node *half_squares(graph *g, node *x, double target)
{
	return op_scale(g, op_square(g, op_add_scalar(g, x, -target)), 0.5);
}

static node *half_square(graph *g, node *x, double target)
{
	return op_mean_all(g, half_squares(g, x, target));
}

/* mean relu(1-r) + mean relu(1+f) */
static node *hinge_d(graph *g, node *r, node *f)
{
	return op_add(g, margin(g, r, -1), margin(g, f, 1));
}

/* mean softplus(-r) + mean softplus(f) */
static node *ns_d(graph *g, node *r, node *f)
{
	return op_add(g, soft(g, r, -1), soft(g, f, 1));
}

static node *ns_g(graph *g, node *f)
{
	return softs(g, f, -1);
}

static node *minimax_g(graph *g, node *f)
{
	return op_neg(g, softs(g, f, 1));
}

static node *ls_d(graph *g, node *r, node *f)
{
	return op_add(g, half_square(g, r, 1), half_square(g, f, 0));
}

static node *ls_g(graph *g, node *f)
{
	return half_squares(g, f, 1);
}

/* mean f - mean r */
static node *wgan_d(graph *g, node *r, node *f)
{
	return op_sub(g, op_mean_all(g, f), op_mean_all(g, r));
}

/* (sum relu(1-r) + sum relu(1+f)) / (number of both): the mean over the joined batch */
static node *keras_hinge_d(graph *g, node *r, node *f)
{
	double reals = (double)shape_count(&r->s), all = reals + (double)shape_count(&f->s);
	return op_add(g, op_scale(g, margin(g, r, -1), reals / all), op_scale(g, margin(g, f, 1), 1 - reals / all));
}

/* relu(1-2f) */
static node *keras_hinge_g(graph *g, node *f)
{
	return margins(g, f, -2);
}

/* mean softplus(f - r) */
static node *pairs_d(graph *g, node *r, node *f)
{
	return soft(g, op_sub(g, f, r), 1);
}

/* softplus(r - f) */
static node *pairs_g(graph *g, node *r, node *f)
{
	return softs(g, op_sub(g, r, f), 1);
}

const gan_loss gan_losses[] = {
	{"hinge",       hinge_d,       op_neg,        NULL,    0,   "D: mean relu(1-r) + mean relu(1+f); G: -mean f"},
	{"ns",          ns_d,          ns_g,          NULL,    0,
	 "D: mean softplus(-r) + mean softplus(f); G: mean softplus(-f)"},
	{"kl",          ns_d,          op_neg,        NULL,    0,   "D as ns; G: -mean f"},
	{"minimax",     ns_d,          minimax_g,     NULL,    0,   "D as ns; G: -mean softplus(f)"},
	{"ls",          ls_d,          ls_g,          NULL,    0.5,
	 "D: (mean (r-1)^2 + mean f^2)/2; G: mean (f-1)^2 / 2"},
	{"wgan",        wgan_d,        op_neg,        NULL,    NAN, "D: mean f - mean r; G: -mean f"},
	{"keras_hinge", keras_hinge_d, keras_hinge_g, NULL,    0,
	 "D: mean over both of relu(1-t D), t = 1, -1; G: mean relu(1-2f)"},
	{"rpgan",       pairs_d,       NULL,           pairs_g, NAN, "D: mean softplus(f-r); G: mean softplus(r-f)"},
	{0}
};

node *gan_loss_g(graph *g, const gan_loss *l, node *r, node *f, node *chosen)
{
	node *each = l->g_of_pairs ? l->g_of_pairs(g, r, f) : l->g_each(g, f);
	if (!chosen)
		return op_mean_all(g, each);
	return op_div(g, op_sum_all(g, op_mul(g, each, chosen)), op_slice_mean(g, op_sum_all(g, chosen)));
}

const gan_loss *gan_loss_find(const char *name, fault *e)
{
	for (const gan_loss *l = gan_losses; l->name; l++)
		if (!strcmp(l->name, name))
			return l;
	char known[256];
	fault_set(e, "loss = %s: must be %s", name,
		  words_print((word_list)WORDS_OF(gan_losses, name), known, sizeof known));
	return NULL;
}
