#include "tests/data_files.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/local.h"
#include "data/source.h"
#include "tests/scratch.h"

void file_put(const char *name, const void *bytes, size_t n)
{
	FILE *f = fopen(scratch_at(name), "wb");
	must(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0, "cannot write %s", name);
}

void file_put_gz(const char *name, const void *bytes, size_t n)
{
	gzFile f = gzopen(scratch_at(name), "wb1");
	must(f, "cannot write %s", name);
	const bool ok = n == 0 || gzwrite(f, bytes, (unsigned)n) == (int)n;
	must(gzclose(f) == Z_OK && ok, "cannot write %s", name);
}

size_t file_get(const char *name, uint8_t *bytes, size_t room)
{
	FILE *f = fopen(scratch_at(name), "rb");
	if (!f)
		return 0;
	const size_t n = fread(bytes, 1, room, f);
	fclose(f);
	return n;
}

static uint8_t *put32(uint8_t *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		*to++ = (uint8_t)(v >> (24 - 8 * i));
	return to;
}

size_t idx_bytes(uint8_t *to, const uint32_t *size, int rank, size_t n, int step, int modulo)
{
	uint8_t *p = put32(to, 0x800u + (unsigned)rank);
	for (int i = 0; i < rank; i++)
		p = put32(p, size[i]);
	for (size_t i = 0; i < n; i++)
		*p++ = (uint8_t)(i * (size_t)step % (size_t)modulo);
	return (size_t)(p - to);
}

static uint8_t *chunk(uint8_t *to, const char *name, const uint8_t *data, size_t n)
{
	uint8_t *p = put32(to, (uint32_t)n);
	memcpy(p, name, 4);
	if (n)
		memcpy(p + 4, data, n);
	return put32(p + 4 + n, (uint32_t)crc32(0, p, (uInt)(n + 4)));
}

size_t png_bytes(uint8_t *to, size_t room, const png_kind *k)
{
	uint8_t head[13] = {0}, *raw = malloc((k->row + 1) * (size_t)k->h);
	uLongf packed_n = compressBound((k->row + 1) * (size_t)k->h);
	uint8_t *packed = malloc(packed_n);
	must(raw && packed && room > packed_n + 2000, "png_bytes");
	for (int y = 0; y < k->h; y++) {
		raw[(size_t)y * (k->row + 1)] = 0;
		memcpy(raw + (size_t)y * (k->row + 1) + 1, k->rows + (size_t)y * k->row, k->row);
	}
	must(compress(packed, &packed_n, raw, (k->row + 1) * (size_t)k->h) == Z_OK, "compress");
	put32(put32(head, (uint32_t)k->w), (uint32_t)k->h);
	head[8] = (uint8_t)k->depth;
	head[9] = (uint8_t)k->type;
	memcpy(to, "\211PNG\r\n\032\n", 8);
	uint8_t *p = chunk(to + 8, "IHDR", head, sizeof head);
	if (k->palette)
		p = chunk(p, "PLTE", k->palette, k->palette_n);
	if (k->trns)
		p = chunk(p, "tRNS", k->trns, k->trns_n);
	p = chunk(p, "IDAT", packed, packed_n);
	p = chunk(p, "IEND", NULL, 0);
	free(raw);
	free(packed);
	return (size_t)(p - to);
}

bool picture_open(const char *path, image *im, fault *e)
{
	uint8_t *x;
	int64_t n;
	*im = (image){0};
	const bool ok = bytes_read(NULL, path, 1 << 30, &x, &n, e)
		&& picture_read(path, x, (size_t)n, &picture_defaults, im, e);
	free(x);
	return ok;
}

dataset *set_opened(const char *path, dataset_options o)
{
	fault e;
	dataset *d = dataset_open(path, &o, &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	return d;
}

void set_refused(const char *path, dataset_options o, const char *says)
{
	fault e = {.text = ""};
	dataset *d = dataset_open(path, &o, &e);
	ck_assert_msg(d == NULL, "read, but should say: %s", says);
	ck_assert_msg(strstr(e.text, says) != NULL, "says \"%s\", should say \"%s\"", e.text, says);
	ck_assert_msg(strncmp(e.text, path, strlen(path)) == 0, "does not begin with the path: %s", e.text);
	ck_assert_ptr_null(strchr(e.text, '\n'));
}

void set_must_note(const dataset *d, const char *says)
{
	bool said = false;
	for (int i = 0; i < d->notes; i++)
		said = said || strstr(d->note[i], says);
	ck_assert_msg(said, "no note says: %s; the last one: %s", says, d->notes ? d->note[d->notes - 1] : "none");
}
