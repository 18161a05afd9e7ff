/* examine.c - whether a checkpoint is good, absent, damaged, or cannot be read now. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/h5/h5.h"
#include "gan/checkpoint/checkpoint.h"

/* Every byte once, without HDF5, to which all that goes wrong is damage. */
static enum checkpoint_state read_through(const char *path, fault *e)
{
	char piece[1 << 16];
	FILE *f = file_open_read(path, e);
	if (!f)
		return errno == ENOENT ? CHECKPOINT_ABSENT : CHECKPOINT_UNREADABLE;
	while (fread(piece, 1, sizeof piece, f) == sizeof piece)
		;
	const bool whole = !ferror(f);
	if (!whole)
		fault_set(e, "%s: cannot be read: %s", path, strerror(errno));
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

/* A failure that does not come again, as one error of a network's disk, was none of the file's. */
enum checkpoint_state checkpoint_examine(const char *path, fault *e)
{
	fault why = {.text = ""};
	if (checkpoint_verify(path, &why))
		return CHECKPOINT_GOOD;
	if (fault_is_memory(&why))
		return tell(CHECKPOINT_UNREADABLE, &why, e);
	const enum checkpoint_state bytes = read_through(path, &why);
	if (bytes != CHECKPOINT_GOOD)
		return tell(bytes, &why, e);
	if (checkpoint_verify(path, &why))
		return CHECKPOINT_GOOD;
	const bool now = fault_is_memory(&why) || !library_works(path, &why);
	return tell(now ? CHECKPOINT_UNREADABLE : CHECKPOINT_DAMAGED, &why, e);
}
