/* keras_damage.c - random damage to files, the same for the same number. */
#include "tests/keras_damage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/archive/archive.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "core/base/rng.h"
#include "data/dataset.h"
#include "data/picture/picture.h"
#include "data/pickle.h"
#include "data/source.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/config/config.h"
#include "gan/keras/run/run.h"
#include "gan/keras/file/write.h"
#include "gan/keras/file/read.h"

enum { SEEDS = 3, BYTES_MAX = 1 << 20 };

const char *const damage_name[DAMAGE_KINDS] = {
	"legacy, old HDF5", "legacy, HDF5 1.8", "native weights", ".keras archive", "data set, old HDF5", "JPEG",
	"WebP", "GIF", "PNG", "zip", "tar", ".npy", "pickle", "IDX", "config", "checkpoint",
};

bool damage_is_hdf5(enum damage_kind kind)
{
	return kind <= DAMAGE_DATA || kind == DAMAGE_CHECKPOINT;
}

#define GOLDEN_ "tests/golden/keras/"
#define PICTURES "tests/golden/pictures/"
#define ARCHIVES "tests/golden/archives/"
#define OLD "tests/golden/v0.1.0/"

/* NULL: made by us, once, of the kinds that have no name at all; of others there are fewer. */
static const char *const seed_file[DAMAGE_KINDS][SEEDS] = {
	[DAMAGE_OLD] = {GOLDEN_ "discriminator-seq-keras2.15.full.h5", GOLDEN_ "discriminator-seq-keras2.15.legacy.h5",
			GOLDEN_ "discriminator-sn-keras2.15.full.h5"},
	[DAMAGE_V18] = {NULL, NULL, NULL},
	[DAMAGE_NATIVE] = {GOLDEN_ "discriminator-seq-keras2.15.weights.h5",
			   GOLDEN_ "generator-convt-keras3.3.weights.h5",
			   GOLDEN_ "generator-convt-keras3.15.weights.h5"},
	[DAMAGE_ARCHIVE] = {GOLDEN_ "discriminator-seq-keras2.15.keras", GOLDEN_ "generator-convt-keras2.15.keras",
			    GOLDEN_ "generator-convt-keras3.15.keras"},
	[DAMAGE_DATA] = {GOLDEN_ "../data/images-old.h5"},
	[DAMAGE_JPEG] = {PICTURES "inks.jpg", PICTURES "progressive.jpg", PICTURES "turned.jpg"},
	[DAMAGE_WEBP] = {PICTURES "lossy.webp", PICTURES "lossless.webp", PICTURES "turned.webp"},
	[DAMAGE_GIF] = {PICTURES "still.gif", PICTURES "moving.gif"},
	[DAMAGE_PNG] = {PICTURES "turned.png", PICTURES "gray.jpg.want.png", PICTURES "colour.jpg.want.png"},
	[DAMAGE_ZIP] = {ARCHIVES "fruit.zip", ARCHIVES "packed.npz", ARCHIVES "stylegan.zip"},
	[DAMAGE_TAR] = {ARCHIVES "fruit.tar", ARCHIVES "fruit.tar.xz", ARCHIVES "dots.tgz"},
	[DAMAGE_NUMPY] = {ARCHIVES "bare.npy"},
	[DAMAGE_PICKLE] = {ARCHIVES "cifar-10-python.tar.gz"},
	[DAMAGE_YAML] = {"configs/demo.yaml", OLD "layers.yaml", OLD "mnistgans28.yaml"},
	[DAMAGE_CHECKPOINT] = {OLD "dcgan.h5.gz", OLD "resnet.h5.gz", OLD "layers.h5.gz"},
};

/* Smaller ones, of which most files are: they are read faster, and more of their bytes mean something. NULL: none. */
static const char *const small_file[DAMAGE_KINDS] = {
	[DAMAGE_OLD] = GOLDEN_ "classes/dense.keras2.h5",
	[DAMAGE_V18] = GOLDEN_ "classes/dense.keras2.h5",
	[DAMAGE_NATIVE] = GOLDEN_ "float16-keras3.15.weights.h5",
	[DAMAGE_ARCHIVE] = GOLDEN_ "classes/conv-same-stride.keras",
	[DAMAGE_CHECKPOINT] = "tests/fuzz/corpus/checkpoint/whole.h5",    /* of today's form; the others are not */
};
enum { SMALL = SEEDS, SMALL_OF_16 = 15 };

typedef struct file {
	uint8_t *x;
	size_t n;
} file;

static file load(const char *path)
{
	file f = {.x = malloc(BYTES_MAX)};
	FILE *in = fopen(path, "rb");
	must(in && f.x, "%s: cannot be opened", path);
	f.n = fread(f.x, 1, BYTES_MAX, in);
	fclose(in);
	return f;
}

static void store(const char *path, const uint8_t *x, size_t n)
{
	FILE *out = fopen(path, "wb");
	must(out && fwrite(x, 1, n, out) == n && fclose(out) == 0, "%s: cannot be written", path);
}

/* A model of Keras' written once more by us. */
static void write_own(int k, const char *path)
{
	fault e;
	keras_model *m = keras_read(k == SMALL ? small_file[DAMAGE_V18] : GOLDEN_ "generator-cond-keras2.15.full.h5",
		NULL, &e);
	must(m && keras_write_h5(m, path, &e), "%s", e.text);
	keras_model_free(m);
}

/* Four images of 8x8, plain, and packed by gzip at two levels. */
static void write_idx(int k, const char *path)
{
	uint8_t x[16 + 4 * 64] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 8};
	for (size_t i = 16; i < sizeof x; i++)
		x[i] = (uint8_t)(i * 7);
	if (k == 0) {
		store(path, x, sizeof x);
		return;
	}
	gzFile f = gzopen(path, k == 1 ? "wb1" : "wb9");
	must(f && gzwrite(f, x, sizeof x) == (int)sizeof x && gzclose(f) == Z_OK, "%s: cannot be written", path);
}

static void (*const writer[DAMAGE_KINDS])(int k, const char *path) = {
	[DAMAGE_V18] = write_own, [DAMAGE_IDX] = write_idx,
};

/* What is damaged is a file of the archive. */
static void unwrap(file *f, const char *name)
{
	void *x;
	size_t n;
	fault e;
	must(archive_extract("seed", f->x, f->n, name, BYTES_MAX, &x, &n, &e), "%s", e.text);
	free(f->x);
	*f = (file){x, n};
}

/* What is damaged is what gzip has packed. */
static void unpack(file *f, const char *path)
{
	source *s = source_open(NULL, path, NULL);
	f->n = s ? (size_t)source_read_some(s, f->x, BYTES_MAX, NULL) : 0;
	must(f->n > 0 && f->n < BYTES_MAX, "%s: cannot be unpacked", path);
	source_close(s);
}

static const file *seed_of(enum damage_kind kind, int k, const char *path)
{
	static file kept[DAMAGE_KINDS][SEEDS + 1];
	file *f = &kept[kind][k];
	if (f->x)
		return f;
	if (writer[kind])
		writer[kind](k, path);
	const char *name = writer[kind] ? path : k == SMALL ? small_file[kind] : seed_file[kind][k];
	*f = load(name);
	if (kind == DAMAGE_PICKLE)
		unwrap(f, "cifar-10-batches-py/data_batch_1");
	if (kind == DAMAGE_CHECKPOINT)
		unpack(f, name);
	return f;
}

/* ---- damage ---- */

/* Half of the time a place that looks like an address or a size: a small number in eight bytes. */
static size_t place(rng *r, const uint8_t *x, size_t n)
{
	const size_t at = (size_t)rng_below(r, (int64_t)n);
	if (rng_below(r, 2))
		return at;
	for (size_t k = at; k + 8 < MIN(n, at + 65536); k++) {
		uint64_t v;
		memcpy(&v, x + k, 8);
		if (v > 0 && v < 2 * n)
			return k;
	}
	return at;
}

static size_t truncated(rng *r, uint8_t *x, size_t n)
{
	(void)x;
	return (size_t)rng_below(r, (int64_t)n);
}

static size_t flipped(rng *r, uint8_t *x, size_t n)
{
	for (int64_t k = rng_below(r, 8); k >= 0; k--)
		x[place(r, x, n)] ^= (uint8_t)(1 << rng_below(r, 8));
	return n;
}

static size_t overwritten(rng *r, uint8_t *x, size_t n)
{
	const size_t at = place(r, x, n), most = (size_t)1 << rng_below(r, 8), len = MIN(n - at, most);
	const int64_t how = rng_below(r, 3);
	for (size_t k = 0; k < len; k++)
		x[at + k] = how == 0 ? 0 : how == 1 ? 0xff : (uint8_t)rng_u32(r);
	return n;
}

static size_t spliced(rng *r, uint8_t *x, size_t n)
{
	const size_t from = place(r, x, n), to = place(r, x, n), most = (size_t)1 << rng_below(r, 10);
	memmove(x + to, x + from, MIN(n - MAX(from, to), most));
	return n;
}

/* A number becomes larger, or huge, or another place of the file. */
static size_t grown(rng *r, uint8_t *x, size_t n)
{
	const size_t somewhere = place(r, x, n), at = MIN(somewhere, n - 8), width = (size_t)1 << rng_below(r, 4);
	uint64_t v;
	memcpy(&v, x + at, 8);
	switch (rng_below(r, 5)) {
	case 0: v += 1; break;
	case 1: v *= 2; break;
	case 2: v = (uint64_t)rng_below(r, (int64_t)n); break;
	case 3: v = UINT64_MAX >> rng_below(r, 40); break;
	default: v = (uint64_t)1 << rng_below(r, 63); break;
	}
	memcpy(x + at, &v, width);
	return n;
}

static size_t damage(rng *r, uint8_t *x, size_t n)
{
	static size_t (*const way[])(rng *, uint8_t *, size_t) = {
		truncated, flipped, overwritten, spliced, grown, grown, flipped
	};
	if (n < 16)
		return n;
	for (int64_t k = rng_below(r, 3); k >= 0 && n >= 16; k--)
		n = way[rng_below(r, COUNT(way))](r, x, n);
	return n;
}

/* The members damaged, the zip around them sound. */
static bool damage_members(rng *r, const file *f, const char *path)
{
	static const char *const name[] = {"config.json", "model.weights.h5"};
	archive_member m[2] = {{name[0], NULL, 0}, {name[1], NULL, 0}};
	void *bytes[2] = {NULL, NULL}, *zip = NULL;
	size_t n = 0;
	const int64_t which = rng_below(r, 3);
	fault e;
	bool ok = true;
	for (int k = 0; ok && k < 2; k++) {
		ok = archive_extract("seed", f->x, f->n, name[k], BYTES_MAX, &bytes[k], &m[k].n, &e);
		if (ok && which != 1 - k)
			m[k].n = damage(r, bytes[k], m[k].n);
		m[k].bytes = bytes[k];
	}
	ok = ok && archive_pack("damaged", m, 2, &zip, &n, &e);
	if (ok)
		store(path, zip, n);
	free(bytes[0]);
	free(bytes[1]);
	free(zip);
	return ok;
}

/* Which of the seeds, too. */
static int make(enum damage_kind kind, rng *r, const char *path)
{
	int seeds = writer[kind] ? SEEDS : 0;
	while (seeds < SEEDS && seed_file[kind][seeds])
		seeds++;
	const bool small = small_file[kind] && rng_below(r, 16) < SMALL_OF_16;
	const int k = small ? SMALL : (int)rng_below(r, seeds);
	const file *f = seed_of(kind, k, path);
	if (kind == DAMAGE_ARCHIVE && rng_below(r, 2)) {
		must(damage_members(r, f, path), "a sound archive cannot be taken apart");
		return k;
	}
	uint8_t *x = malloc(f->n);
	must(x, "out of memory");
	memcpy(x, f->x, f->n);
	store(path, x, damage(r, x, f->n));
	free(x);
	return k;
}

/* ---- reading ---- */

static bool try_model(const char *path, fault *e)
{
	keras_model *m = keras_read(path, &(keras_read_options){.cpu_s = 2}, e);
	const bool ok = m != NULL;
	fault why;
	keras_run *n = m && m->topology ? keras_run_new(m, 1, &why) : NULL;
	keras_run_free(n);
	keras_model_free(m);
	return ok;
}

/* What is read as a data set, and as which format: archives say themselves what they are. */
static const char *const data_format_of[DAMAGE_KINDS] = {
	[DAMAGE_DATA] = "hdf5", [DAMAGE_ZIP] = "auto", [DAMAGE_TAR] = "auto", [DAMAGE_NUMPY] = "numpy",
	[DAMAGE_IDX] = "idx",
};

static bool try_data(enum damage_kind kind, const char *path, fault *e)
{
	dataset *d = dataset_open(path, &(dataset_options){.format = data_format_of[kind]}, e);
	dataset_free(d);
	return d != NULL;
}

static bool try_picture(const char *path, fault *e)
{
	const file f = load(path);
	image im;
	const bool ok = picture_read(path, f.x, f.n, &picture_defaults, &im, e);
	image_free(&im);
	free(f.x);
	return ok;
}

static bool try_pickle(const char *path, fault *e)
{
	int64_t *v = NULL, n;
	names l = {0};
	pickle *p = pickle_open(NULL, path, e);
	bool ok = p && pickle_numbers(p, "labels", &v, &n, e) && pickle_texts(p, "filenames", &l, e);
	ok = ok && (pickle_array(p, "data", &n) || fault_set(e, "no array"));
	names_free(&l);
	free(v);
	pickle_free(p);
	return ok;
}

static bool try_config(const char *path, fault *e)
{
	config c;
	config_init(&c);
	const bool ok = config_load(&c, path, e) && config_check(&c, e);
	config_free(&c);
	return ok;
}

/* The checksum is of all that counts: a file that is good has that of the sound one, or it was believed wrongly. */
static bool try_checkpoint(int k, const char *path, fault *e)
{
	static char sound[SEEDS + 1][sizeof ((checkpoint_info *)0)->checksum];
	checkpoint_info info;
	const file *f = seed_of(DAMAGE_CHECKPOINT, k, path);
	if (!sound[k][0]) {
		const file is = load(path);
		store(path, f->x, f->n);
		must(checkpoint_read_info(path, &info, e), "%s", e->text);
		snprintf(sound[k], sizeof sound[k], "%s", info.checksum);
		checkpoint_info_free(&info);
		store(path, is.x, is.n);
		free(is.x);
	}
	if (!checkpoint_verify(path, e))
		return false;
	const bool same = checkpoint_read_info(path, &info, e) && strcmp(info.checksum, sound[k]) == 0;
	checkpoint_info_free(&info);
	return same || fault_set(e, "%s", "");
}

static bool try(enum damage_kind kind, int k, const char *path, fault *e)
{
	if (data_format_of[kind])
		return try_data(kind, path, e);
	switch (kind) {
	case DAMAGE_PICKLE:
		return try_pickle(path, e);
	case DAMAGE_YAML:
		return try_config(path, e);
	case DAMAGE_CHECKPOINT:
		return try_checkpoint(k, path, e);
	case DAMAGE_JPEG: case DAMAGE_WEBP: case DAMAGE_GIF: case DAMAGE_PNG:
		return try_picture(path, e);
	default:
		return try_model(path, e);
	}
}

void damage_try(enum damage_kind kind, int64_t i, const char *path, damage_counts *c)
{
	fault e = {.text = ""};
	rng r = rng_new((uint64_t)i, damage_name[kind]);
	const int k = make(kind, &r, path);
	if (try(kind, k, path, &e)) {
		c->read++;
		return;
	}
	c->refused++;
	c->crashes += strstr(e.text, "the reader stopped") != NULL;
	c->limits += strstr(e.text, "the reader did not end") != NULL;
	c->silent += !*e.text || strchr(e.text, '\n') != NULL;
}
