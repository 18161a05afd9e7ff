#include "tests/expect.h"

void expect_line(const fault *e, const char *place, const char *part)
{
	ck_assert_msg(!strncmp(e->text, place, strlen(place)), "\"%s\" does not begin with \"%s\"", e->text, place);
	ck_assert_msg(strstr(e->text, part) != NULL, "\"%s\" lacks \"%s\"", e->text, part);
	ck_assert_msg(!strchr(e->text, '\n'), "two lines: %s", e->text);
}
