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

typedef struct job {
	const char *path;
	keras_read_options o;
	int64_t size, json_size;                     /* of the file, and of o.json */
	int64_t budget;                              /* bytes of weights */
} job;

/* Compressed files may hold more than their size, but weights compress badly: what claims 64 times as much is a bomb.
 * The megabytes are for files of zeros. */
static int64_t budget_of(int64_t size)
{
	return 64 * size + ((int64_t)64 << 20);
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

/* The text of o.json in the place of `config` (own), NULL with e set. */
static char *other_config(const job *j, char *config, size_t *n, fault *e)
{
	free(config);
	*n = (size_t)j->json_size;
	return load(j->o.json, j->json_size, e);
}

/* The weights of an open file, in the model of the config text, if there is one (own: freed). */
static keras_model *combine(const job *j, h5 *f, char *config, size_t n, fault *e)
{
	if (j->o.json && !(config = other_config(j, config, &n, e)))
		return NULL;
	keras_model *w = read_weights_new(f, j->path, j->o.allow_nonfinite, j->budget, e);
	if (!w || !config) {
		free(config);
		return w;
	}
	fault why = {.text = ""};
	keras_model *m = keras_from_json(config, n, &why);
	const char *wrong = m || !j->o.json ? j->path : j->o.json;
	free(config);
	if (m && !keras_match(m, w, NULL, NULL, &why)) {
		keras_model_free(m);
		m = NULL;
	}
	if (!m)
		fault_set(e, "%s: %.900s", wrong, why.text);
	keras_model_free(w);
	return m;
}

static keras_model *read_h5(const job *j, fault *e)
{
	h5 *f = h5_open(j->path, e);
	if (!f)
		return NULL;
	keras_model *m = NULL;
	fault none = {.text = ""};
	char *config = j->o.weights_only ? NULL : read_config_new(f, &none);
	if (none.text[0])
		*e = none;
	else
		m = combine(j, f, config, config ? strlen(config) : 0, e);
	h5_close(f);
	return m;
}

static keras_model *read_members(const job *j, const void *zip, fault *e)
{
	const size_t n = (size_t)j->size;
	void *config = NULL, *weights = NULL;
	size_t config_n = 0, weights_n = 0;
	keras_model *m = NULL;
	if (!archive_extract(j->path, zip, n, "config.json", KERAS_JSON_MAX, &config, &config_n, e))
		return NULL;
	if (!archive_extract(j->path, zip, n, "model.weights.h5", (size_t)j->budget, &weights, &weights_n, e)) {
		free(config);
		return NULL;
	}
	h5 *f = h5_open_image(weights, weights_n, j->path, e);
	if (j->o.weights_only) {
		free(config);
		config = NULL;
	}
	if (f)
		m = combine(j, f, config, config_n, e);
	else
		free(config);
	h5_close(f);
	free(weights);
	return m;
}

static keras_model *read_archive(const job *j, fault *e)
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

static keras_model *read_any(const job *j, fault *e)
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
	j->budget = budget_of(j->size);
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

keras_model *keras_read(const char *path, const keras_read_options *o, fault *e)
{
	fault here = {.text = ""};
	job j;
	if (!job_open(&j, path, o, e))
		return NULL;
	const confine_limits l = {
		.cpu_s = j.o.cpu_s, .memory = ((size_t)1 << 30) + 8 * (size_t)j.size * (sizeof(real) / sizeof(float)),
	};
	confine *c = confine_start(path, child, &j, &l, &here);
	keras_model *m = c ? read_pipe_take(c, path, j.budget + ((int64_t)64 << 20), &here) : NULL;
	if (!m)
		fault_set(e, "%s", here.text);
	return m;
}
