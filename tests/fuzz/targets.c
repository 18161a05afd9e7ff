/* targets.c - what the targets share. */
#define _DEFAULT_SOURCE                              /* mkdtemp */
#include "tests/fuzz/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"
#include "data/dataset.h"
#include "data/picture/picture.h"
#include "gan/keras/file/read.h"
#include "gan/keras/run/run.h"

/* ---- files ---- */

static char folder[256];

static void remove_folder(void)
{
	char line[300];
	snprintf(line, sizeof line, "rm -rf '%s'", folder);
	if (system(line) != 0)
		fprintf(stderr, "%s stays\n", folder);
}

void fuzz_use(const char *given)
{
	snprintf(folder, sizeof folder, "%s", given);
}

/* A file is written for each input. */
const char *fuzz_folder(void)
{
	if (folder[0])
		return folder;
	snprintf(folder, sizeof folder, "%s/sagan-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(folder), "%s: no folder can be made", folder);
	atexit(remove_folder);
	return folder;
}

const char *fuzz_file(const char *name, const uint8_t *x, size_t n)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
	FILE *f = fopen(path, "wb");
	must(f && fwrite(x, 1, n, f) == n && fclose(f) == 0, "%s: cannot be written", path);
	return path;
}

/* ---- what readers owe ---- */

void fuzz_told(bool ok, const fault *e)
{
	char plain[sizeof e->text];
	if (ok)
		return;
	memcpy(plain, e->text, sizeof plain);
	must(e->text[0] && strcmp(text_plain(plain, 0), e->text) == 0, "no line, or one that a terminal obeys");
}

void fuzz_data(const char *path, const char *format)
{
	fault e = {.text = ""};
	dataset *d = dataset_open(path, &(dataset_options){.format = format, .split = SPLIT_ALL}, &e);
	fuzz_told(d != NULL, &e);
	dataset_free(d);
}

void fuzz_picture(const uint8_t *x, size_t n)
{
	fault e = {.text = ""};
	image im;
	picture_size s;
	const bool known = picture_stat("picture", x, n, &s, &e), ok = picture_read("picture", x, n, &picture_defaults,
		&im,
		&e);
	fuzz_told(ok, &e);
	must(!ok || (known && s.h == im.h && s.w == im.w && s.c == im.c), "the header promised another picture");
	image_free(&im);
}

void fuzz_model(const char *path)
{
	fault e = {.text = ""};
	keras_model *m = keras_read(path, NULL, &e);
	fuzz_told(m != NULL, &e);
	keras_run *n = m && m->topology ? keras_run_new(m, 1, &e) : NULL;
	keras_run_free(n);
	keras_model_free(m);
}
