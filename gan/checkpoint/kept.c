/* kept.c - a look at the attributes of an HDF5 file; other files hold nothing of ours. */
#include "gan/checkpoint/kept.h"

#include <string.h>

#include "core/base/file.h"
#include "core/h5/h5.h"

static enum kept kind_of(h5 *f)
{
	char kind[64] = "";
	if (h5_attr_exists(f, "/", "kind"))
		h5_attr_text(f, "/", "kind", kind, sizeof kind, NULL);
	if (strcmp(kind, CLASSIFIER_KIND) == 0)
		return KEPT_CLASSIFIER;
	if (!h5_attr_exists(f, "/", "checksum") || !h5_attr_exists(f, "/", "config"))
		return KEPT_NOTHING;
	return h5_exists(f, "/generator") ? KEPT_CHECKPOINT : KEPT_CLASSIFIER;
}

bool kept_spared(const char *path, enum kept own, fault *e)
{
	static const char *const what[] = {
		[KEPT_CHECKPOINT] = "a checkpoint", [KEPT_CLASSIFIER] = "a classifier",
	};
	fault why = {.text = ""};
	if (file_type(path) != FILE_REGULAR)
		return true;
	h5 *f = h5_open(path, &why);
	if (!f)
		return !fault_is_now(&why) || fault_take(e, &why);
	const enum kept there = kind_of(f);
	bool ok = h5_answers(f, e);
	if (ok && there != KEPT_NOTHING && there != own)
		ok = fault_at(e, path, "is %s, which this would replace; give another name, or remove it first",
			what[there]);
	h5_close(f);
	return ok;
}
