/* shipped.c - the classifiers of data/features/, as they are, in the program: features need no download and no path. */
#include <math.h>
#include <string.h>

#include "gan/classify/classifier_file.h"
#include "gan/score/features_internal.h"

/* A file from the folder of the sources; the assembler puts its bytes between two symbols. */
#define SHIPPED(symbol, file) \
	__asm__(".section .rodata\n.balign 64\n.hidden " #symbol "\n.globl " #symbol "\n" #symbol ":\n" \
		".incbin \"" file "\"\n.hidden " #symbol "_end\n.globl " #symbol "_end\n" #symbol "_end:\n" \
		".byte 0\n.previous"); \
	extern const unsigned char symbol[], symbol##_end[];

SHIPPED(shipped_mnist, "data/features/mnist.h5")
SHIPPED(shipped_fashion_mnist, "data/features/fashion-mnist.h5")
SHIPPED(shipped_cifar10, "data/features/cifar10.h5")

const shipped_network shipped_networks[] = {
	{"mnist", shipped_mnist, shipped_mnist_end},
	{"fashion-mnist", shipped_fashion_mnist, shipped_fashion_mnist_end},
	{"cifar10", shipped_cifar10, shipped_cifar10_end},
	{0}
};

/* ---- which one fits ---- */

/* MNIST and its relatives have the same sizes, and often the same names of classes: the pixels tell them apart. Mean
 * and deviation of MNIST are 0.131 and 0.308, of Fashion-MNIST 0.286 and 0.353, of KMNIST 0.191 and 0.348, of
 * EMNIST's digits 0.173 and 0.331; those of a hundred images or more lie within this of their set's. */
static const double NEAR = 0.025;

static bool looks_like(const classifier_record *r, const dataset *d)
{
	double mean, deviation;
	dataset_moments(d, &mean, &deviation);
	return fabs(mean - r->mean) < NEAR && fabs(deviation - r->deviation) < NEAR;
}

bool features_shipped_fits(const shipped_network *s, const dataset *like, bool *fits, fault *e)
{
	classifier_record r = {.sha256 = ""};
	h5 *f = h5_open_image(s->bytes, (size_t)(s->end - s->bytes), s->name, e);
	classifier *c = f ? classifier_read(f, &r, e) : NULL;
	const bool ok = c != NULL;
	if (ok) {
		const classifier_options *o = classifier_options_of(c);
		*fits = o->size.h == like->h && o->size.w == like->w && o->channels == like->c
			&& (like->classes == 0 || like->classes == o->classes) && looks_like(&r, like);
	}
	classifier_free(c);
	classifier_record_free(&r);
	h5_close(f);
	return ok;
}
