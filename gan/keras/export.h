/* export.h - the networks of a checkpoint as files that Keras loads, with samples to check the load by.
 *
 * Generator and discriminator each become NAME.h5 (legacy full model), NAME.keras, NAME.weights.h5 and
 * NAME.reference.h5; with `onnx` also NAME.onnx, with `layers` also NAME_layers.keras and .h5 of the second form, and
 * sagan_layers.py.
 *
 * NAME is "generator" or "discriminator". The stock form is made of layers that Keras brings along; the second form
 * has one layer of sagan_layers.py for each layer of ours. NAME.onnx is made of the stock form, or where there is none
 * of single operations. NAME.reference.h5 has inputs that depend on the shapes
 * alone, and outputs: what the stock form predicts here, or the network itself where there is none. Files with the
 * same weights have the same reference. */
#ifndef SAGAN_GAN_KERAS_EXPORT_H
#define SAGAN_GAN_KERAS_EXPORT_H

#include "core/base/base.h"

SAGAN_BEGIN

enum { EXPORT_SAMPLES = 8, EXPORT_FILES = 8, EXPORT_NETS = 2 };

typedef struct export_request {
	const char *from;                            /* a run's folder or a checkpoint */
	const char *out;                             /* a folder, made when missing */
	bool generator, discriminator;
	bool raw;                                    /* the trained generator, not its moving average */
	bool layers;                                 /* the second form, too */
	bool onnx;                                   /* NAME.onnx, too */
} export_request;

typedef struct export_net {
	const char *name;                            /* "generator" */
	const char *output;                          /* "image" */
	char file[EXPORT_FILES][40];                 /* names in the folder, in order of writing */
	int files;
	fault refused;                               /* why there is no stock form, only the second one; "" */
	int layers;                                  /* of the stock form */
	int64_t weights;                             /* numbers in it */
	double difference;                           /* of the stock form from the network, on the samples; with
	                                              * `onnx` and no stock form, of the operations in NAME.onnx */
	char map[64];                                /* name of the first attention map's layer, or "" */
	char closed[128];                            /* attention whose gate is 0, so that the samples say nothing of
	                                              * it */
} export_net;

typedef struct export_report {
	char path[1024];                             /* the checkpoint */
	int64_t step;
	fault warning;                               /* about the checkpoint or the statistics; "" */
	export_net net[EXPORT_NETS];
	int nets;
} export_report;

/* Writes all files; each is whole or as it was. Before that the stock form is run on the samples and compared with the
 * network. False with e set: a checkpoint or folder that cannot be read or written, a layer that the form cannot say,
 * or a difference above rounding. */
bool keras_export(const export_request *q, export_report *out, fault *e);

/* sagan_layers.py as it was when the program was built, n bytes. */
extern const unsigned char keras_layers_text[];
extern const unsigned long keras_layers_size;

SAGAN_END
#endif
