/* spectral_norm.h - a kernel divided by its largest singular value (arXiv 1802.05957).
 *
 * The kernel is seen as a matrix W [rows, out]: [kh,kw,in,out] as [kh*kw*in, out], a dense one as it is. sigma, the
 * largest singular value, is estimated by power iteration from the vector u, a state. u and v are constants of the
 * derivative, sigma is not: with Wbar = W / sigma, dW = (dWbar - <dWbar, Wbar> v u') / sigma. */
#ifndef SAGAN_LAYERS_SPECTRAL_NORM_H
#define SAGAN_LAYERS_SPECTRAL_NORM_H

#include "layers/module.h"

SAGAN_BEGIN

typedef struct sn_options {
	bool on;
	int iterations;                              /* power iterations per training step; 0 means 1 */
	double eps;                                  /* vectors are divided by max(length, eps); 0 means 1e-6 */
	bool constant_sigma;                         /* no derivative through sigma, as Keras and simplegan compute it;
	                                              * that is another thing than the paper's, for comparisons */
} sn_options;

typedef struct spectral_norm {
	buffer *u;                                   /* [out], or [rows] when by_rows; NULL: off */
	sn_options opt;
	bool by_rows;
} spectral_norm;

/* Registers "u" under the module's prefix for a kernel of shape w; nothing when off. by_rows: u belongs to the rows
 * instead, and W' stands in the place of W, as PyTorch does for an embedding [K,C]: u is [K]. */
void spectral_norm_init(module *m, spectral_norm *s, sn_options opt, shape w, bool by_rows);

/* w / sigma, like w; w itself when off. sigma = v' W u with v = n(W u), n(x) = x / max(length, eps). With m.train and
 * m.update each iteration is v = n(W u), then u = n(W' v), and u is assigned; else the stored u is used as it is. */
node *spectral_norm_apply(graph *g, const spectral_norm *s, node *w, mode m);

/* sigma alone, [1,1]. Wrong: off. */
node *spectral_norm_sigma(graph *g, const spectral_norm *s, node *w, mode m);

SAGAN_END
#endif
