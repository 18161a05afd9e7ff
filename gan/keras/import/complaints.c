/* complaints.c - complaints, of which the first one is the error. */
#include "gan/keras/import/complaints.h"

#include <stdarg.h>
#include <stdio.h>

bool keras_complain(keras_report *r, const char *fmt, ...)
{
	char text[400];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (r->wrong++ == 0)
		error_set(r->e, "%s", text);
	if (r->line)
		r->line(r->ctx, text);
	return false;
}
