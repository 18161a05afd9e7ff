/* moving.c - which kind of moving picture a name means; the kinds are in gif.c and webp.c. */
#include "data/picture/moving.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "data/picture/picture_internal.h"

static const struct {
	const char *ending;
	bool (*encode)(const char *path, const image *frame, int n, int ms, void **bytes, size_t *size, fault *e);
	int side_most;                               /* that the kind can say: GIF 16 bits, WebP 14 */
} kinds[] = {{".gif", gif_encode, 65535}, {".webp", webp_encode, 16383}};

static int kind_of(const char *path)
{
	for (int i = 0; i < COUNT(kinds); i++)
		if (name_ends(path, kinds[i].ending))
			return i;
	return -1;
}

bool moving_is_named(const char *path)
{
	return kind_of(path) >= 0;
}

bool moving_write(const char *path, const image *frame, int n, int ms, fault *e)
{
	void *bytes = NULL;
	size_t size;
	const int k = kind_of(path);
	must(k >= 0 && n > 0 && ms > 0, "%s: %d frames of %d ms", path, n, ms);
	for (int i = 1; i < n; i++)
		must(frame[i].h == frame->h && frame[i].w == frame->w && frame[i].c == frame->c, "frame %d of %s", i,
			path);
	if (MAX(frame->h, frame->w) > kinds[k].side_most)
		return fault_at(e, path, "%d x %d pixels; at most %d a side are possible in %s", frame->h, frame->w,
			kinds[k].side_most, kinds[k].ending);
	const bool ok = kinds[k].encode(path, frame, n, ms, &bytes, &size, e) && file_replace(path, bytes, size, e);
	free(bytes);
	return ok;
}
