/* spectral_norm.h - a kernel divided by its largest singular value (arXiv 1802.05957).
 *
 * The kernel is seen as a matrix [rows, out]: Keras layouts, HWIO -> [kh*kw*in, out], dense [in, out].
 * u is a state buffer. v and u are constants of the derivative, sigma is not:
 * dW = (dWbar - <dWbar, Wbar> v u^T) / sigma. */
#ifndef SAGAN_LAYERS_SPECTRAL_NORM_H
#define SAGAN_LAYERS_SPECTRAL_NORM_H

#include "layers/module.h"

SAGAN_BEGIN

typedef struct sn_options {
	bool on;
	int iterations;                              /* power iterations per training forward; 0 means 1 */
	double eps;                                  /* vectors are divided by max(norm, eps); 0 means 1e-6 */
	bool constant_sigma;                         /* no derivative through sigma: Keras and simplegan, which
	                                              * is not spectral normalisation; for parity tests */
} sn_options;

typedef struct spectral_norm {
	buffer *u;                                   /* [out], or [rows] when by_rows; NULL: off */
	sn_options opt;
	bool by_rows;
} spectral_norm;

/* Registers "u" in the module's current prefix for a kernel of shape w. by_rows keeps the vector of
 * the other side, as PyTorch does for an embedding [K,C]: u is [K]. */
void spectral_norm_init(module *m, spectral_norm *s, sn_options opt, shape w, bool by_rows);

/* w / sigma, like w; w itself when off. When m.train and m.update: v = n(W u), u = n(W' v) per
 * iteration, and u is assigned. Otherwise the stored u stays: v = n(W u), sigma = v' W u. */
node *spectral_norm_apply(graph *g, const spectral_norm *s, node *w, mode m);

/* sigma alone, [1,1]. */
node *spectral_norm_sigma(graph *g, const spectral_norm *s, node *w, mode m);

SAGAN_END
#endif
