/* zip.c - libzip on archives that lie in memory. Nothing is ever unpacked onto a disk. */
#include "gan/keras/file/zip.h"

#include <zip.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

enum { MEMBERS_MAX = 1000, DOS_1980 = (0 << 9) | (1 << 5) | 1 };

static bool fail(const char *label, zip_error_t *why, fault *e)
{
	fault_set(e, "%s: %s", label, zip_error_strerror(why));
	zip_error_fini(why);
	return false;
}

/* ---- packing ---- */

static bool add(zip_t *z, const zip_member *m)
{
	zip_source_t *source = zip_source_buffer(z, m->bytes, m->n, 0);
	zip_int64_t at = source ? zip_file_add(z, m->name, source, ZIP_FL_ENC_UTF_8) : -1;
	if (at < 0) {
		zip_source_free(source);
		return false;
	}
	/* A fixed date in the archive's own form: from time_t it would pass through the time zone. */
	return zip_set_file_compression(z, (zip_uint64_t)at, ZIP_CM_STORE, 0) == 0 &&
	       zip_file_set_dostime(z, (zip_uint64_t)at, 0, DOS_1980, 0) == 0;
}

/* The bytes that closing an archive left in its source. */
static bool take(zip_source_t *source, void **bytes, size_t *size)
{
	zip_stat_t st;
	if (zip_source_stat(source, &st) != 0 || !(st.valid & ZIP_STAT_SIZE) || zip_source_open(source) != 0)
		return false;
	*size = (size_t)st.size;
	*bytes = malloc(*size ? *size : 1);
	bool ok = *bytes && zip_source_read(source, *bytes, *size) == (zip_int64_t)*size;
	zip_source_close(source);
	if (!ok) {
		free(*bytes);
		*bytes = NULL;
	}
	return ok;
}

bool zip_pack(const char *label, const zip_member *m, int count, void **bytes, size_t *size, fault *e)
{
	zip_error_t why;
	zip_error_init(&why);
	*bytes = NULL;
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &why);
	zip_t *z = source ? zip_open_from_source(source, ZIP_TRUNCATE, &why) : NULL;
	if (!z) {
		zip_source_free(source);
		return fail(label, &why, e);
	}
	zip_source_keep(source);                     /* it holds the result after the archive is closed */
	bool ok = true;
	for (int i = 0; ok && i < count; i++)
		ok = add(z, &m[i]);
	ok = ok && zip_close(z) == 0;
	if (!ok) {
		fault_set(e, "%s: %s", label, zip_strerror(z));
		zip_discard(z);
	} else if (!(ok = take(source, bytes, size))) {
		fault_set(e, "%s: cannot make the archive in memory", label);
	}
	zip_source_free(source);
	zip_error_fini(&why);
	return ok;
}

/* ---- extracting ---- */

/* The number of the one member of that name, or -1. Names are compared as they are: two spellings of one
 * name would let two readers see two files. */
static zip_int64_t find(const char *label, zip_t *z, const char *name, fault *e)
{
	zip_int64_t n = zip_get_num_entries(z, 0), at = -1;
	if (n > MEMBERS_MAX) {
		fault_set(e, "%s: an archive of %lld files; %d are allowed", label, (long long)n, MEMBERS_MAX);
		return -1;
	}
	for (zip_int64_t i = 0; i < n; i++) {
		const char *its = zip_get_name(z, (zip_uint64_t)i, 0);
		if (!its || strcmp(its, name) != 0)
			continue;
		if (at >= 0) {
			fault_set(e, "%s: %s stands twice in the archive", label, name);
			return -1;
		}
		at = i;
	}
	if (at < 0)
		fault_set(e, "%s: no %s in the archive", label, name);
	return at;
}

static bool allowed(const char *label, const zip_stat_t *st, const char *name, size_t limit, fault *e)
{
	zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
	if ((st->valid & need) != need)
		return fault_set(e, "%s: %s: the archive does not say what it is", label, name);
	if (st->encryption_method != ZIP_EM_NONE)
		return fault_set(e, "%s: %s is encrypted", label, name);
	if (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE)
		return fault_set(e, "%s: %s: compression %d; only stored and deflated files are read", label, name,
				 st->comp_method);
	if (st->size > limit)
		return fault_set(e, "%s: %s has %llu bytes; %zu are allowed", label, name, (unsigned long long)st->size,
				 limit);
	return true;
}

/* All of a member, whose checksum libzip compares at the end: the read past it must say that it is one. */
static bool read_all(zip_t *z, zip_uint64_t at, char *x, size_t n)
{
	zip_file_t *f = zip_fopen_index(z, at, 0);
	size_t done = 0;
	char more;
	zip_int64_t got = f ? 1 : -1;
	while (got > 0 && done < n) {
		got = zip_fread(f, x + done, n - done);
		done += got > 0 ? (size_t)got : 0;
	}
	bool ok = f && done == n && zip_fread(f, &more, 1) == 0;
	if (f)
		zip_fclose(f);
	return ok;
}

static bool extract(const char *label, zip_t *z, const char *name, size_t limit, void **bytes, size_t *size, fault *e)
{
	zip_stat_t st;
	zip_int64_t at = find(label, z, name, e);
	if (at < 0)
		return false;
	if (zip_stat_index(z, (zip_uint64_t)at, 0, &st) != 0)
		return fault_set(e, "%s: %s: %s", label, name, zip_strerror(z));
	if (!allowed(label, &st, name, limit, e))
		return false;
	*size = (size_t)st.size;
	*bytes = mem_new(*size, 1, e);
	if (!*bytes)
		return false;
	if (read_all(z, (zip_uint64_t)at, *bytes, *size))
		return true;
	free(*bytes);
	*bytes = NULL;
	return fault_set(e, "%s: %s is damaged in the archive", label, name);
}

bool zip_extract(const char *label, const void *zip, size_t n, const char *name, size_t limit, void **bytes,
		 size_t *size, fault *e)
{
	zip_error_t why;
	zip_error_init(&why);
	*bytes = NULL;
	zip_source_t *source = zip_source_buffer_create(zip, n, 0, &why);
	zip_t *z = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &why) : NULL;
	if (!z) {
		zip_source_free(source);
		return fail(label, &why, e);
	}
	bool ok = extract(label, z, name, limit, bytes, size, e);
	zip_discard(z);
	zip_error_fini(&why);
	return ok;
}
