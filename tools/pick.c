/* pick.c - names and numbers of classes. */
#include "tools/pick.h"

#include <stdlib.h>
#include <string.h>

#include "data/class_names.h"

bool pick_class(const sampler *s, const char *given, int *label, fault *e)
{
	const int classes = sampler_classes(s);
	const char *names = sampler_class_names(s);
	char all[256];
	if (!given)
		return true;
	if (classes == 0)
		return fault_set(e, "--class %s: this network was trained without labels", given);
	*label = class_names_find(names, given);
	const size_t digits = strspn(given, "0123456789");
	if (*label < 0 && digits && digits < 8 && !given[digits])
		*label = atoi(given);
	if (*label >= 0 && *label < classes)
		return true;
	return fault_set(e, "--class %s: must be 0 to %d%s%s", given, classes - 1, *names ? ", or one of " : "",
		class_names_print(names, all, sizeof all));
}
