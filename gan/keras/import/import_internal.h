/* import_internal.h - the parts of importing: where a trace's weights come from (import_origin.c), putting them back
 * there (import_put.c, import_setting.c), spectral norm's side of that (import_sigma.c). */
#ifndef SAGAN_GAN_KERAS_IMPORT_IMPORT_INTERNAL_H
#define SAGAN_GAN_KERAS_IMPORT_IMPORT_INTERNAL_H

#include "gan/keras/file/match.h"
#include "gan/keras/trace/trace.h"
#include "layers/module.h"
#include "layers/spectral_norm.h"

/* Weight k of layer i is factor * b + plus, where factor = constant * gamma / sigma(b), gamma and sigma where b has
 * them. b NULL: a constant. */
typedef struct origin {
	int layer, k;
	buffer *b, *gamma, *u;
	bool by_rows;
	double constant, plus;
} origin;

typedef struct importer {
	network *n;
	module *m;                                   /* of n */
	enum keras_form form;
	keras_model *target;                         /* own; the trace's layers with the file's weights */
	origin *from;                                /* own, [weights] */
	int weights;
	real *params, *states;                       /* own; as they were */
	complaints report;
} importer;

/* ---- import_origin.c ---- */

/* Finds p->from by runs with random parameters, which are left in the network. False after complaints. */
bool import_find_origins(importer *p);

/* ---- import_put.c ---- */

/* The target's weights into the network's parameters and states. */
bool import_put(const importer *p);

/* ---- import_setting.c ---- */

/* Gates that the trace has as a scale in a layer's settings, from the settings of the file. False with the complaints
 * made, or without memory. */
bool import_put_settings(importer *p, const keras_model *from);

/* ---- import_answer.c ---- */

/* What a network gives for fixed latents, images and labels. */
typedef struct answer {
	int64_t n;
	real *x;                                     /* own */
} answer;

/* False with e set: m does not run here, or no memory. */
bool import_ask(const keras_model *m, answer *out, fault *e);
void import_answer_free(answer *a);                  /* all zero allowed */
/* Whether both say the same but for rounding; else e names the first layer that `file` and `here` have otherwise. */
bool import_same_answer(const answer *a, const answer *b, const keras_model *file, const keras_model *here, fault *e);

/* ---- import_sigma.c ---- */

/* Spectral norm's vector of a kernel or table, or NULL. *by_rows: it is of the rows. */
buffer *sigma_vector(const module *m, const buffer *w, bool *by_rows);

/* |W u| with u as it is. */
double sigma_estimate(const buffer *w, const buffer *u, bool by_rows);

/* The largest singular value; the unit vector of it into u. */
double sigma_top(const buffer *w, buffer *u, bool by_rows, fault *e);

/* Sets u so that spectral norm's sigma of w is `want` in floating point, or as near as it comes. Its length is 1 up to
 * some units of rounding. top and its vector in u are of sigma_top; where `want` lies neither between the smallest
 * singular value and top nor near top, u stays. *exact: it is to the last bit. */
bool sigma_set(const buffer *w, buffer *u, bool by_rows, double top, double want, bool *exact, fault *e);

#endif
