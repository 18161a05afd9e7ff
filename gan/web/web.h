/* web.h - a generator as one page of HTML that anybody can open: it has the weights and a program of its own that runs
 * the layers (engine.js), needs no network and asks for none.
 *
 * The layers are those of the traced model (gan/keras/trace), so every generator can be written that becomes ONNX. */
#ifndef SAGAN_GAN_WEB_WEB_H
#define SAGAN_GAN_WEB_WEB_H

#include "core/base/base.h"

typedef struct web_request {
	const char *from;                            /* a run's folder or a checkpoint */
	const char *out;                             /* the file; folders are made when missing. NULL: WEB_FILE in the
	                                              * folder of the checkpoint */
	bool raw;                                    /* the trained generator, not its moving average */
	bool exact;                                  /* float32, whatever float16 would do */
} web_request;

#define WEB_FILE "generator.html"

typedef struct web_report {
	char path[1024];                             /* the checkpoint */
	char file[1024 + sizeof WEB_FILE];           /* the page */
	int64_t step;
	fault warning;                               /* about the checkpoint or the statistics; "" */
	int64_t weights;                             /* numbers */
	int width;                                   /* bytes of each in the page: 2 or 4 */
	double error;                                /* largest difference of the page's images from the network's, of
	                                              * a range of 2, as computed here with these weights */
	size_t bytes;                                /* of the page */
	int layers, attentions;
} web_report;

/* Weights are float16 where the error of the images stays below that share of their range. */
#define WEB_HALF_MOST 1e-2

/* Writes the page, whole or not at all. False with e set: a checkpoint that cannot be read, a layer that the tracer
 * does not know, a file that cannot be written. */
bool web_export(const web_request *q, web_report *out, fault *e);

#endif
