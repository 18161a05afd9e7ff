#include "tests/expect.h"

void expect_line(const fault *e, const char *place, const char *part)
{
	ck_assert_msg(!strncmp(e->text, place, strlen(place)), "\"%s\" does not begin with \"%s\"", e->text, place);
	ck_assert_msg(strstr(e->text, part) != NULL, "\"%s\" lacks \"%s\"", e->text, part);
	ck_assert_msg(!strchr(e->text, '\n'), "two lines: %s", e->text);
}

plan *plan_must(graph *g, node *const *out, int n)
{
	fault e;
	plan *p = plan_new(g, out, n, 0, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	return p;
}
