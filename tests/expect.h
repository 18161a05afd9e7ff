/* expect.h - what a call that can fail must do, in tests that keep its message in an `fault e` of their own. */
#ifndef SAGAN_TESTS_EXPECT_H
#define SAGAN_TESTS_EXPECT_H

#include <check.h>
#include <string.h>

#include "core/base/base.h"
#include "core/plan/plan.h"

#define OK(call) do { e.text[0] = '\0'; ck_assert_msg(call, "%s", e.text); } while (0)

/* The call fails with one line that begins with `place` ("": anyhow) and says `part`. */
#define REFUSED(call, place, part) do { \
	e.text[0] = '\0'; \
	ck_assert_msg(!(call), "accepted; expected: %s", part); \
	expect_line(&e, place, part); \
} while (0)
void expect_line(const fault *e, const char *place, const char *part);

/* The plan of out[n], which can be made. new/free. */
plan *plan_must(graph *g, node *const *out, int n);

#endif
