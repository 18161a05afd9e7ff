/* import.h - weights of a Keras file into a network of ours.
 *
 * The network is traced into a Keras model (trace.h), the file's weights are matched with that (read.h,
 * keras_match), and each of them is put where it came from. Where that is, is found by trying: with random parameters
 * every weight of the trace is one parameter times a factor, plus 0 or 1 (a gain that includes the 1). The factor
 * is 1, a number of the network's, or holds the gate gamma, or 1/sigma of spectral norm, or both.
 *
 * What is exact. The network computes what the file says (import_answer.c asks both):
 *   - without spectral norm and gates to the last bit.
 *   - under spectral norm the kernel becomes the file's kernel, and u a unit vector with |W u| = 1 (not the top
 *     singular vector: the file's kernel was divided by an estimate from below, so its norm is a little above 1).
 *     That exists when 1 lies between the smallest and the largest singular value; its length is then varied by
 *     some units of rounding until sigma is 1 in floating point. A kernel with all singular values on one side of 1
 *     (of a network that was not trained with spectral norm) cannot be said: it is divided by its norm, and
 *     keras_imported says by how much it differs.
 *     Training goes on with power iterations from that u, which soon finds the top vector: sigma then is the norm.
 *   - a gate gamma that was folded into a kernel under spectral norm becomes the largest power of two below the
 *     kernel's norm, by which the kernel is divided, its sign stays in the kernel; into other kernels, 1; 0 when the
 *     kernel is 0, whose own values are then lost: those of the start stay.
 *   - factors that are no powers of two: to one rounding.
 * With ema.bn_mode standing or batch a sampler takes statistics of its own instead of the file's: keras_import_config.
 * Parameters that do not reach the file (the average's copy, moments) are the caller's. */
#ifndef SAGAN_GAN_KERAS_IMPORT_IMPORT_H
#define SAGAN_GAN_KERAS_IMPORT_IMPORT_H

#include "gan/config/config.h"
#include "gan/nets/networks.h"
#include "gan/keras/file/complaints.h"
#include "gan/keras/model/model.h"

typedef struct keras_imported {
	int layers, weights;                         /* of the trace that got values from the file */
	int64_t values;
	bool same;                                   /* the network traces to the file's bits */
	double worst;                                /* largest difference, relative to the largest weight of its
	                                              * tensor */
	char worst_at[KERAS_LAYER + KERAS_NAME];             /* "block1_conv1/kernel" */
	bool asked;                                  /* the file's network ran, and computes what this one does */
	char why[512];                               /* .. or why it did not run; "" of a file of weights alone */
} keras_imported;

/* `from` loses its weights. Where it has a network that runs here, both are asked the same with the same weights, and
 * answers that differ by more than rounding are an error. Mismatches of weights go to `line` (NULL allowed) layer by
 * layer before anything changes; e has the first. On failure the network is as it was. */
bool keras_import_network(network *n, keras_model *from, keras_imported *out, complaints_line line, void *ctx,
			  fault *e);

/* A file, and one with the JSON of its network, as keras_read_options has it (NULL: none). */
typedef struct keras_source {
	const char *path, *json;
} keras_source;

/* What the config of the checkpoint of an import must say.
 *   - For samples to be what the file draws: ema.bn_mode = running, of a discriminator what the checkpoint `onto`
 *     (NULL: a new start) says. Training goes on with the mode of its own config.
 *   - Channels and classes that follow the data (0) are those of `onto`, else of the file, so that no data are needed.
 *     Files of weights alone do not tell them: they may stay 0. */
bool keras_import_config(config *c, enum net_side side, const keras_source *from, const char *onto, fault *e);

/* The same from a file, into the module of a network of `c` that is in use elsewhere, as a trainer's; average (NULL:
 * there is none) becomes the same. */
bool keras_import_file(const config *c, enum net_side side, module *m, module *average, const keras_source *from,
		       keras_imported *out, complaints_line line, void *ctx, fault *e);

#endif
