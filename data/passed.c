/* passed.c - see passed.h. */
#include "data/passed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/local.h"

void passed_file(passed_over *p, const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *ending = dot && strlen(dot) < sizeof p->kind[0].ending ? dot : "others";
	p->files++;
	int i = 0;
	while (i < p->kinds && strcasecmp(p->kind[i].ending, ending) != 0)
		i++;
	if (i == COUNT(p->kind))
		return;
	if (i == p->kinds)
		snprintf(p->kind[p->kinds++].ending, sizeof p->kind[0].ending, "%s", ending);
	p->kind[i].n++;
}

bool passed_folder(passed_over *p, const char *name, fault *e)
{
	for (int64_t i = 0; i < p->folders.n; i++)
		if (strcmp(p->folders.name[i], name) == 0)
			return true;
	return names_add(&p->folders, name, e);
}

void passed_free(passed_over *p)
{
	names_free(&p->folders);
}

char *passed_files_print(const passed_over *p, char *buf, size_t size)
{
	size_t n = 0;
	*buf = '\0';
	for (int i = 0; i < p->kinds && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%" PRId64 " %s", i ? ", " : "", p->kind[i].n,
			p->kind[i].ending);
	return buf;
}

bool passed_note(const passed_over *p, dataset *d, fault *e)
{
	char text[400] = "";
	if (p->files && !dataset_note(d, e, "warning: %" PRId64 " files of kinds that are not read are passed over: %s",
				      p->files, passed_files_print(p, text, sizeof text)))
		return false;
	if (p->folders.n && !dataset_note(d, e, "warning: folders that are passed over: %s",
					  names_print(&p->folders, text, sizeof text)))
		return false;
	return !p->hidden || dataset_note(d, e, "hidden files and folders (their names begin with a dot) that are "
		"passed over: %" PRId64, p->hidden);
}
