/* test_library.c - the library as another program finds it: installed headers, alone and next to those of C and C++; a
 * linker that sees no name of ours but those; a first model in both languages.
 *
 * EXAMPLES names the built examples (make test sets it); the installed tree they were built from lies beside them. CC
 * is the compiler to try. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/scratch.h"
#include "tests/suite.h"

static const char *from_environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value && *value ? value : otherwise;
}

static const char *compiler(void)
{
	return from_environment("CC", "cc");
}

/* The folder that the examples were built from. */
static const char *installed(void)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/../../installed", from_environment("EXAMPLES", "build/float/docs/examples"));
	return path;
}

typedef struct language {
	const char *name, *flags;
} language;

static const language LANGUAGES[] = {
	{"C", "-x c -std=c11"},
	{"GNU C", "-x c -std=gnu17 -D_GNU_SOURCE"},
	{"C++", "-x c++ -std=c++11 -fno-exceptions"},
};

static bool is_spoken(const language *l)
{
	const bool spoken = command("echo | %s %s -fsyntax-only -", compiler(), l->flags).status == 0;
	if (!spoken)
		fprintf(stderr, "library: no compiler for %s, which is not tried\n", l->name);
	return spoken;
}

/* Compiles a file of the scratch folder as the installed pkg-config file says, to a program of the same name. */
static answer compile(const language *l, const char *file, const char *program)
{
	/* clang remarks upon -x none where no file of another kind comes after it. */
	return command("%s %s -Wall -Wextra -Wpedantic -Werror -Wno-unused-command-line-argument %s -x none -o %s "
		       "$(PKG_CONFIG_PATH=%s/lib/pkgconfig:$PKG_CONFIG_PATH pkg-config --cflags --libs sagan)",
		       compiler(), l->flags, file, program, installed());
}

/* ---- headers ---- */

/* What a program may include before and after ours. */
static const char *const SYSTEM[] = {
	"complex.h", "ctype.h", "err.h", "errno.h", "math.h", "pthread.h", "search.h", "signal.h",
	"stdio.h", "stdlib.h",
	"string.h", "strings.h", "sys/param.h", "sys/stat.h", "sys/types.h", "time.h", "unistd.h",
};

START_TEST(each_header_compiles_alone)
{
	const language *l = &LANGUAGES[_i];
	if (!is_spoken(l))
		return;
	const answer a = command("for h in %s/include/sagan/*.h; do "
		"printf '#include <sagan/%%s>\\nint no_empty_file;\\n' ${h##*/} | "
		"%s %s -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I%s/include - || echo $h; done",
		installed(), compiler(), l->flags, installed());
	ck_assert_str_eq(a.text, "");
}
END_TEST

/* Twice: ours in front of all others, and behind. */
START_TEST(no_header_of_the_system_is_in_the_way)
{
	const language *l = &LANGUAGES[_i];
	if (!is_spoken(l))
		return;
	for (int first = 0; first < 2; first++) {
		char text[2048] = "";
		if (first)
			strcat(text, "#include <sagan/sagan.h>\n");
		for (int i = 0; i < COUNT(SYSTEM); i++)
			sprintf(text + strlen(text), "#include <%s>\n", SYSTEM[i]);
		strcat(text, "#if __has_include(<error.h>)\n#include <error.h>\n#endif\n");
		strcat(text, "#include <sagan/sagan.h>\nint main(void) { return 0; }\n");
		const char *file = scratch_at("system.c");
		file_store(file, text, strlen(text));
		const answer a = compile(l, file, scratch_at("system"));
		ck_assert_msg(a.status == 0, "%s, ours %s: %s", l->name, first ? "first" : "last", a.text);
	}
}
END_TEST

/* ---- what the linker sees ---- */

/* Every name that the archive exports is written in an installed header. */
START_TEST(nothing_is_exported_that_no_header_declares)
{
	answer a = command("cat %s/include/sagan/*.h | tr -cs A-Za-z0-9_ '\\n' | sort -u > %s; "
			   "nm -g --defined-only %s/lib/libsagan.a | awk 'NF == 3 { print $3 }' | sort -u | "
			   "comm -23 - %s | head -n 20",
			   installed(), scratch_at("words"), installed(), scratch_at("words"));
	ck_assert_msg(a.status == 0 && a.lines == 0, "no header declares:\n%s", a.text);
	a = command("nm -g --defined-only %s/lib/libsagan.a | grep -cE ' T (graph_new|op_add|plan_run|run_trainer)$'",
		installed());
	ck_assert_str_eq(a.text, "4\n");
}
END_TEST

/* A program with functions of its own that are called as some of ours are inside the library. */
START_TEST(names_inside_the_library_are_free)
{
	static const char text[] =
		"#include <sagan/sagan.h>\n"
		"int bug, gemm, closest, piece, mem_new, vec_exp, median, elementwise_eval, op_rec_add, config_table;\n"
		"int main(void)\n"
		"{\n"
		"	graph *g = graph_new(NULL);\n"
		"	node *y = op_exp(g, op_matmul(g, op_fill(g, SHAPE(2, 2), 1), "
		"op_fill(g, SHAPE(2, 2), 0), false, false));\n"
		"	plan *p = plan_new(g, &y, 1, 0, NULL);\n"
		"	plan_run(p);\n"
		"	const bool right = *plan_value(p, y) == 1;\n"
		"	plan_free(p);\n"
		"	graph_free(g);\n"
		"	return right ? 0 : 1;\n"
		"}\n";
	const char *file = scratch_at("names.c"), *program = scratch_at("names");
	file_store(file, text, sizeof text - 1);
	for (int i = 0; i < COUNT(LANGUAGES); i++) {
		if (!is_spoken(&LANGUAGES[i]))
			continue;
		const answer a = compile(&LANGUAGES[i], file, program);
		ck_assert_msg(a.status == 0, "%s: %s", LANGUAGES[i].name, a.text);
		ck_assert_int_eq(command("%s", program).status, 0);
	}
}
END_TEST

/* ---- a first model ---- */

START_TEST(a_first_model_learns_in_c_and_cpp)
{
	const language *l = &LANGUAGES[_i];
	if (!is_spoken(l))
		return;
	const char *program = scratch_at("mlp");
	const answer made = compile(l, "docs/examples/mlp.c", program);
	ck_assert_msg(made.status == 0, "%s", made.text);
	const answer a = command("ASAN_OPTIONS=detect_leaks=0 %s", program);
	double first = 0, last = 1;
	ck_assert_msg(a.status == 0 && sscanf(a.text, "step    0  loss %lf", &first) == 1, "%s", a.text);
	ck_assert_msg(sscanf(strstr(a.text, "step 1000"), "step 1000  loss %lf", &last) == 1, "%s", a.text);
	ck_assert_double_lt(last, 0.1 * first);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{each_header_compiles_alone, COUNT(LANGUAGES)},
		{no_header_of_the_system_is_in_the_way, COUNT(LANGUAGES)},
		{nothing_is_exported_that_no_header_declares, 1},
		{names_inside_the_library_are_free, 1},
		{a_first_model_learns_in_c_and_cpp, COUNT(LANGUAGES)},
	};
	return suite_run("library", tests, COUNT(tests), 300);
}
