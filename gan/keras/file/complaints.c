/* complaints.c - one line after the other; the first is the error, too. */
#include "gan/keras/file/complaints.h"

#include <stdarg.h>
#include <stdio.h>

bool complaints_add(complaints *c, const char *fmt, ...)
{
	char text[sizeof((fault *)0)->text];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (c->wrong++ == 0)
		fault_set(c->e, "%s", text);
	if (c->line)
		c->line(c->ctx, text);
	return false;
}
