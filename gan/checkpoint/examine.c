/* examine.c - whether a checkpoint is good, absent, damaged, or cannot be read now. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/checkpoint/checkpoint.h"

/* Every byte once, without HDF5, to which all that goes wrong is damage. */
static enum checkpoint_state read_through(const char *path, int64_t *size, fault *e)
{
	char piece[1 << 16];
	size_t n;
	FILE *f = file_open_read(path, e);
	*size = 0;
	if (!f)
		return errno == ENOENT ? CHECKPOINT_ABSENT : CHECKPOINT_UNREADABLE;
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		*size += (int64_t)n;
	const bool whole = !ferror(f);
	if (!whole)
		fault_read(e, path);
	fclose(f);
	return whole ? CHECKPOINT_GOOD : CHECKPOINT_UNREADABLE;
}

static enum checkpoint_state tell(enum checkpoint_state s, const fault *why, fault *e)
{
	if (e && s != CHECKPOINT_GOOD)
		*e = *why;
	return s;
}

/* Whether HDF5 can be had at all now: it may want a process and descriptors that there are not. */
static bool library_works(const char *path, fault *e)
{
	h5 *f = h5_create(path, e);
	h5_close(f);
	return f;
}

/* More than the library and the largest array of a good checkpoint want. */
enum { LIBRARY_BYTES = 64 << 20 };

/* Whether a good one could be read now. To HDF5 an allocation that fails is often one more mistake of the file, so
 * without this memory it has not been read at all, whatever is said of it. */
static bool could_be_read(const char *path, int64_t size, fault *e)
{
	const size_t wants = LIBRARY_BYTES + (size_t)size;
	if (!memory_is_there(wants))
		return fault_at(e, path, FAULT_NOW ": out of memory: %zu bytes", wants);
	fault why;
	return library_works(path, &why) || fault_at(e, path, FAULT_NOW ": HDF5 does not work (%.700s)", why.text);
}

/* A failure that does not come again, as one error of a network's disk, was none of the file's; and neither is one that
 * a good file meets, too. What says that it has no memory, though there was what a good one needs, is a file that asks
 * for more: damage. */
static enum checkpoint_state examine(const char *path, checkpoint **good, fault *e)
{
	fault why = {.text = ""};
	int64_t size;
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		fault_read(&why, path);
		return tell(CHECKPOINT_ABSENT, &why, e);
	}
	if ((*good = checkpoint_open(path, &why)))
		return CHECKPOINT_GOOD;
	const enum checkpoint_state bytes = read_through(path, &size, &why);
	if (bytes != CHECKPOINT_GOOD)
		return tell(bytes, &why, e);
	if (!could_be_read(path, size, &why))
		return tell(CHECKPOINT_UNREADABLE, &why, e);
	if ((*good = checkpoint_open(path, &why)))
		return CHECKPOINT_GOOD;
	const bool now = fault_is_now(&why) && !fault_is_memory(&why);
	fault other;
	if (!now && !could_be_read(path, size, &other))
		return tell(CHECKPOINT_UNREADABLE, &other, e);
	return tell(now ? CHECKPOINT_UNREADABLE : CHECKPOINT_DAMAGED, &why, e);
}

enum checkpoint_state checkpoint_examine(const char *path, checkpoint **good, fault *e)
{
	checkpoint *own = NULL;
	const enum checkpoint_state s = examine(path, &own, e);
	if (good)
		*good = own;
	else
		checkpoint_close(own);
	return s;
}
