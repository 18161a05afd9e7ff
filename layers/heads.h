/* heads.h - what attention with several heads and position tables is made of: a bare weight matrix,
 * the softmax over keys with positions added, and which head counts fit a width. */
#ifndef SAGAN_LAYERS_HEADS_H
#define SAGAN_LAYERS_HEADS_H

#include "layers/module.h"
#include "layers/positions.h"
#include "layers/spectral_norm.h"

SAGAN_BEGIN

/* A matrix that its layer owns itself, as Keras' add_weight makes it: "query", not "query/kernel". */
typedef struct projection {
	char name[32];
	buffer *w;                                   /* [in,out] */
	spectral_norm sn;
} projection;

/* Registers `name` (glorot uniform) and, with spectral norm, name_sn/u. */
void projection_init(module *m, projection *p, const char *name, int64_t in, int64_t out, sn_options sn);
/* x [..,in] -> [..,out]. */
node *projection_apply(graph *g, const projection *p, node *x, mode m);

typedef struct attend_options {
	double scale;                                /* of Q K', not of the positions' part of the scores */
	double dropout;                              /* rate, of the softmax, in training */
} attend_options;

/* A = softmax(scale Q K' + positions of Q), y = A V. q [G,h,w,d], k [G,PH*PW,d], v [G,PH*PW,dv] -> [G,h*w,dv]; G counts
 * samples, heads and blocks, PH x PW is the map of keys of p. scores, where not NULL, is given A after dropout,
 * [G,h*w,PH*PW]. Wrong: dropout in training without a random stream. */
node *heads_attend(graph *g, const positions *p, node *q, node *k, node *v, attend_options o, mode m,
		   node **scores);

/* "1, 2, 4": the numbers that divide n and are at least `least`, the first 16 of them; "none" when there are none. */
typedef struct divisors_text {
	char s[128];
} divisors_text;
divisors_text divisors_print(int64_t n, int64_t least);
int64_t common_divisor(int64_t a, int64_t b);        /* the greatest */

/* Rules for arguments that several layers share; the first that is broken is reported to m and false
 * returned. `layer` begins the message: "mhsa: num_heads = 0: must be at least 1". */
bool heads_check(module *m, const char *layer, int num_heads, int64_t out_shape, double attn_dropout);

SAGAN_END
#endif
