/* read.c - which kind of file, and its parts in the confined child. */
#include "gan/keras/file/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/archive/archive.h"
#include "core/base/file.h"
#include "core/base/local.h"
#include "gan/keras/file/match.h"
#include "gan/keras/model/json.h"
#include "gan/keras/file/kinds.h"
#include "gan/keras/file/read_internal.h"
#include "gan/keras/run/run.h"

typedef struct job {
	const char *path;
	keras_read_options o;
	int64_t size, json_size;                     /* of the file, and of o.json */
	weight_limit most;
} job;

/* Two limits: packed files may hold more than their size, but weights pack badly, so what claims 64 times as much is a
 * bomb (the megabytes are for files of zeros); and a file has little more than the network that it describes, at worst
 * the moments of an optimiser, copies of kernels under spectral norm, and all of that in float64. */
enum { FILE_FACTOR = 64, FILE_MORE = 64 << 20, NETWORK_FACTOR = 8, NETWORK_MORE = 16 << 20 };

static weight_limit limit_of_file(int64_t size)
{
	return (weight_limit){FILE_FACTOR * size + FILE_MORE, "a file of this size can hold"};
}

/* The smaller of l and what the network has; l where it has layers that are not known here. */
static bool limit_by_network(weight_limit *l, const keras_model *m, fault *e)
{
	fault why = {.text = ""};
	bool refused;
	int64_t n = 0;
	keras_wants *want = mem_new((size_t)m->layers, sizeof *want, e);
	if (!want)
		return false;
	const bool known = keras_run_wants(m, want, &refused, &why);
	for (int i = 0; known && i < m->layers; i++)
		for (int k = 0; k < want[i].n; k++)
			n = MIN(n + shape_count(&want[i].w[k].s), l->bytes);
	free(want);
	const int64_t bytes = NETWORK_FACTOR * n * (int64_t)sizeof(real) + NETWORK_MORE;
	if (known && bytes < l->bytes)
		*l = (weight_limit){bytes, "the network that it describes can have"};
	return known || !fault_is_now(&why) || fault_take(e, &why);
}

/* ---- in the child ---- */

/* The whole file of `size` bytes; new/free. */
static void *load(const char *path, int64_t size, fault *e)
{
	FILE *f = file_open_read(path, e);
	void *bytes = f ? mem_new((size_t)size, 1, e) : NULL;
	if (bytes && fread(bytes, 1, (size_t)size, f) != (size_t)size) {
		fault_set(e, "%s: could not be read to its end", path);
		free(bytes);
		bytes = NULL;
	}
	if (f)
		fclose(f);
	return bytes;
}

/* The network of a text: of `config` (own: freed), or of o.json where that is given; NULL without e set: the file has
 * none. j->most becomes its. */
static keras_model *network_of(job *j, char *config, size_t n, fault *e)
{
	if (j->o.json) {
		free(config);
		n = (size_t)j->json_size;
		config = load(j->o.json, j->json_size, e);
	}
	if (!config)
		return NULL;
	fault why = {.text = ""};
	keras_model *m = keras_from_json(config, n, &why);
	free(config);
	if (m && !limit_by_network(&j->most, m, &why)) {
		keras_model_free(m);
		m = NULL;
	}
	if (!m)
		fault_set(e, "%s: %.900s", j->o.json ? j->o.json : j->path, why.text);
	return m;
}

/* The weights of an open file, in the model m, if there is one (own). */
static keras_model *combine(const job *j, h5 *f, keras_model *m, fault *e)
{
	fault why = {.text = ""};
	keras_model *w = read_weights_new(f, j->path, j->o.allow_nonfinite, &j->most, e);
	if (!m)
		return w;
	const bool ok = w && (keras_match(m, w, NULL, NULL, &why) || fault_set(e, "%s: %.900s", j->path, why.text));
	keras_model_free(w);
	if (ok)
		return m;
	keras_model_free(m);
	return NULL;
}

static keras_model *read_h5(job *j, fault *e)
{
	h5 *f = h5_open(j->path, e);
	if (!f)
		return NULL;
	fault none = {.text = ""};
	char *config = j->o.weights_only ? NULL : read_config_new(f, &none);
	keras_model *m = none.text[0] ? NULL : network_of(j, config, config ? strlen(config) : 0, &none);
	if (none.text[0])
		*e = none;
	else
		m = combine(j, f, m, e);
	h5_close(f);
	return m;
}

/* The network's text comes first: it says how large the weights may be. */
static keras_model *read_members(job *j, const void *zip, fault *e)
{
	const size_t n = (size_t)j->size;
	void *config = NULL, *weights = NULL;
	size_t config_n = 0, weights_n = 0;
	fault none = {.text = ""};
	if (!archive_extract(j->path, zip, n, "config.json", KERAS_JSON_MAX, &config, &config_n, e))
		return NULL;
	if (j->o.weights_only) {
		free(config);
		config = NULL;
	}
	keras_model *m = network_of(j, config, config_n, &none);
	if (none.text[0]) {
		*e = none;
		return NULL;
	}
	h5 *f = NULL;
	if (archive_extract(j->path, zip, n, "model.weights.h5", (size_t)j->most.bytes, &weights, &weights_n, e))
		f = h5_open_image(weights, weights_n, j->path, e);
	if (f) {
		m = combine(j, f, m, e);
	} else {
		keras_model_free(m);
		m = NULL;
	}
	h5_close(f);
	free(weights);
	return m;
}

static keras_model *read_archive(job *j, fault *e)
{
	void *zip = load(j->path, j->size, e);
	keras_model *m = zip ? read_members(j, zip, e) : NULL;
	free(zip);
	return m;
}

/* A zip begins with the header of its first member. */
static bool is_zip(const char *path)
{
	char head[4] = {0};
	FILE *f = file_open_read(path, NULL);
	const bool yes = f && fread(head, 1, sizeof head, f) == sizeof head && !memcmp(head, "PK\003\004", 4);
	if (f)
		fclose(f);
	return yes;
}

static keras_model *read_any(job *j, fault *e)
{
	return is_zip(j->path) ? read_archive(j, e) : read_h5(j, e);
}

static bool child(void *ctx, confine_out *out, fault *e)
{
	keras_model *m = read_any(ctx, e);
	const bool ok = m && read_pipe_put(out, m);
	keras_model_free(m);
	return ok;
}

/* ---- in the program ---- */

/* What is to be done. False when the path is no file that could hold a network. */
static bool job_open(job *j, const char *path, const keras_read_options *o, fault *e)
{
	struct stat st;
	*j = (job){.path = path};
	if (o)
		j->o = *o;
	if (!kinds_may_be_keras(path, e))
		return false;
	if (stat(path, &st) != 0)
		return fault_set(e, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fault_set(e, "%s: not a regular file", path);
	if (st.st_size == 0)
		return fault_set(e, "%s: the file is empty", path);
	if (st.st_size > (int64_t)1 << 40)
		return fault_set(e, "%s: larger than any network", path);
	j->size = st.st_size;
	j->most = limit_of_file(j->size);
	if (!j->o.json)
		return true;
	if (stat(j->o.json, &st) != 0)
		return fault_set(e, "%s: %s", j->o.json, strerror(errno));
	j->json_size = st.st_size;
	return (S_ISREG(st.st_mode) && st.st_size <= KERAS_JSON_MAX && kinds_is_json(j->o.json))
		|| fault_set(e, "%s: no JSON of a network, as model.to_json() gives it", j->o.json);
}

keras_model *read_unconfined(const char *path, const keras_read_options *o, fault *e)
{
	job j;
	return job_open(&j, path, o, e) ? read_any(&j, e) : NULL;
}

/* A tree of jansson takes up to 24 times its text ("0," is 2 bytes, and a number of 24 and a pointer of 8 that are
 * rounded up); the megabytes are for the libraries. */
enum { TREE_BYTES = 24 * KERAS_JSON_MAX + (64 << 20) };

keras_model *keras_read(const char *path, const keras_read_options *o, fault *e)
{
	fault here = {.text = ""};
	job j;
	if (!job_open(&j, path, o, e))
		return NULL;
	/* The file, the member of a zip, numbers as they are read and as they are kept, and its text as a tree. */
	const confine_limits l = {
		.cpu_s = j.o.cpu_s, .memory = TREE_BYTES + (size_t)j.size + 4 * (size_t)j.most.bytes,
	};
	confine *c = confine_start(path, child, &j, &l, &here);
	keras_model *m = c ? read_pipe_take(c, path, j.most.bytes + FILE_MORE, &here) : NULL;
	if (!m)
		fault_set(e, "%s", here.text);
	return m;
}
