/* test_foreign_text.c - names that a stranger chose, through every way out of the program: a terminal, tables, JSON,
 * pages, pictures, event files. Whatever they are, what comes out is UTF-8 in which nothing but lines moves a cursor,
 * and in each medium they stay texts. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/json.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "data/picture/png.h"
#include "data/picture/svg.h"
#include "gan/log/events.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/suite.h"

#define RLO "\xe2\x80\xae"                           /* U+202E: what follows reads from the right */
#define CSI "\xc2\x9b"                               /* U+009B: the same as ESC [ */

/* ---- the rule ---- */

START_TEST(what_is_obeyed_becomes_question_marks)
{
	static const struct {
		const char *text, *plain;
	} row[] = {
		{"plain, \xc3\xa4\xc3\xb6 \xe2\x82\xac \xf0\x9f\x98\x80",
			"plain, \xc3\xa4\xc3\xb6 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\033[2K\r\x08\x7f", "?[2K???"}, {CSI "31m", "??31m"}, {"a\nb\tc", "a?b?c"},
		{"photo" RLO "gnp.exe", "photo???gnp.exe"}, {"\xe2\x81\xa6x\xe2\x81\xa9", "???x???"},
		{"\xe2\x80\xa8", "???"}, {"\xef\xbb\xbf", "???"}, {"\xd8\x9c", "??"}, {"\xf3\xa0\x81\x81", "????"},
		/* Not UTF-8: a lone continuation, an overlong slash, a surrogate, beyond U+10FFFF, a cut character. */
		{"\x80", "?"}, {"\xc0\xaf", "??"}, {"\xed\xa0\x80", "???"}, {"\xf4\x90\x80\x80", "????"},
		{"\xff\xfe", "??"}, {"x\xe2\x82", "x??"},
		/* An Arabic letter, a joiner within an emoji: seen. */
		{"\xd8\xa7", "\xd8\xa7"}, {"\xe2\x80\x8d", "\xe2\x80\x8d"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		char *copy = text_plain_new(row[i].text, 0, NULL);
		ck_assert_str_eq(copy, row[i].plain);
		ck_assert_str_eq(text_show(row[i].text).s, row[i].plain);
		free(copy);
	}
	char *lines = text_plain_new("a\n\033b", '\n', NULL);
	ck_assert_str_eq(lines, "a\n?b");
	free(lines);
	char *text = malloc(5001);                   /* one that is cut says so */
	memset(text, 'x', 5000);
	text[5000] = '\0';
	const text_shown cut = text_show(text);
	ck_assert_uint_eq(strlen(cut.s), TEXT_SHOWN - 1);
	ck_assert_str_eq(cut.s + TEXT_SHOWN - 5, "x...");
	free(text);
}
END_TEST

START_TEST(each_medium_has_its_own_marks)
{
	static const struct {
		const char *text, *cell;
	} row[] = {
		{"block1/attention/gamma", "block1/attention/gamma"}, {"a,b", "\"a,b\""}, {"say \"x\"",
			"\"say \"\"x\"\"\""},
		{"=cmd()|'/C calc'!A0", "\"'=cmd()|'/C calc'!A0\""}, {"+1", "\"'+1\""}, {"-1", "\"'-1\""},
		{"@SUM(A1)", "\"'@SUM(A1)\""}, {"a\nb,c", "\"a?b,c\""}, {"", ""}, {"1.5", "1.5"},
	};
	char cell[64], small[8];
	for (int i = 0; i < COUNT(row); i++)
		ck_assert_str_eq(text_cell(row[i].text, cell, sizeof cell), row[i].cell);
	ck_assert(strlen(text_cell("\"\"\"\"\"\"\"\"\"\"", small, sizeof small)) < sizeof small);
	static const char *const word[][2] = {{"runs/demo", "runs/demo"}, {"a run", "'a run'"}, {"it's", "'it'\\''s'"},
		{"", "''"}, {"a\033;b", "$'a\\033;b'"}, {"''", "''\\'''\\'''"}, {"-run", "./-run"},
		{"-a b", "'./-a b'"}, {"-\r'\\", "$'./-\\015\\'\\\\'"}, {"a=b", "'a=b'"}, {"~x", "'~x'"},
		{"\xff", "$'\\377'"},
		{RLO, "$'\\342\\200\\256'"}};
	for (int i = 0; i < COUNT(word); i++)
		ck_assert_str_eq(text_shell(word[i][0], cell, 4 * strlen(word[i][0]) + 6), word[i][1]);
	static const char *const path[][2] = {{"a/b", "a/b"}, {"\"\\", "\\\"\\\\"}, {"\n" RLO, "\\u000a\\u202e"},
		{"\xff", "\\udcff"}, {"\xf3\xa0\x81\x81", "\\U000e0041"}};
	for (int i = 0; i < COUNT(path); i++)
		ck_assert_str_eq(text_python(path[i][0], false, cell, 6 * strlen(path[i][0]) + 11), path[i][1]);
	ck_assert_str_eq(text_python("{name}", true, cell, sizeof cell), "{{name}}");
	ck_assert_str_eq(text_markup('<'), "&lt;");
	ck_assert_ptr_null(text_markup('a'));
	json_t *t = json_text("</script>\xff" RLO "\"\n");
	ck_assert_str_eq(json_string_value(t), "</script>????\"\n");
	json_decref(t);

	svg s = {0};
	fault e = {.text = ""};
	svg_text(&s, 10, 10, SVG_START, 10, SVG_INK, "</text><script>\033" RLO "&'\"");
	ck_assert(svg_good(&s, &e));
	ck_assert_msg(strstr(s.text, ">&lt;/text&gt;&lt;script&gt;????&amp;&#39;&quot;</text>"), "%s", s.text);
	svg_free(&s);
}
END_TEST

/* What a shell makes of a word is what it was made of. */
START_TEST(a_shell_reads_what_was_quoted)
{
	static const char *const text[] = {"-a", "it's", "a\033;b\\c'd", "\xff\n\"$HOME`x`", RLO "~=*", "-\t-"};
	if (system("command -v bash > /dev/null") != 0)
		return;
	for (int i = 0; i < COUNT(text); i++) {
		char word[128], line[256], want[64];
		text_shell(text[i], word, sizeof word);
		snprintf(line, sizeof line, "printf %%s %s\n", word);
		file_store(scratch_at("line.sh"), line, strlen(line));
		const answer a = command("bash %s", scratch_at("line.sh"));
		snprintf(want, sizeof want, "%s%s", text[i][0] == '-' ? "./" : "", text[i]);
		ck_assert_msg(strcmp(a.text, want) == 0, "%s: %s", word, a.text);
	}
}
END_TEST

static void no_harm(const char *what, const char *x, size_t n)
{
	static const char *const never[] = {"\033[2K", RLO "gnp", RLO "=cmd", CSI "31m"};
	for (int i = 0; i < COUNT(never); i++)
		ck_assert_msg(!bytes_hold(x, n, never[i]), "%s: has %s", what, text_show(never[i]).s);
}

static void only_harmless(const char *what, const char *text)
{
	for (const char *p = text; *p;) {
		const int k = *p == '\n' || *p == '\t' ? 1 : text_harmless(p);
		ck_assert_msg(k > 0, "%s: byte %02x at %d of: %s", what, (unsigned char)*p, (int)(p - text),
			text_show(text).s);
		p += k;
	}
}

START_TEST(texts_of_pictures_and_events_are_plain)
{
	const image im = {1, 1, 1, (uint8_t[]){7}};
	const png_notes notes = {2, {{"Title", "a\033[2K" RLO "gnp\xff\xfe"}, {"sagan:config",
		"name: 1\nx: " CSI "31m\n"}}};
	fault e = {.text = ""};
	size_t n;
	ck_assert_msg(png_write_noted(scratch_at("x.png"), &im, &notes, &e), "%s", e.text);
	char *x = file_bytes(scratch_at("x.png"), &n);
	no_harm("PNG", x, n);
	ck_assert(bytes_hold(x, n, "a?[2K???gnp??") && bytes_hold(x, n, "name: 1\nx: ??31m\n"));
	free(x);

	events *v = events_open(scratch_at("log"), 0, &e);
	ck_assert_msg(!v, "a folder that is not there");
	ck_assert_int_eq(mkdir(scratch_at("log"), 0777), 0);
	v = events_open(scratch_at("log"), 0, &e);
	ck_assert_msg(v && events_text(v, 1, "config", "x\n\033[2K" RLO "gnp\xff\xfe", &e), "%s", e.text);
	char path[1200];
	snprintf(path, sizeof path, "%s", events_path(v));
	ck_assert(events_close(v, &e));
	x = file_bytes(path, &n);
	no_harm("events", x, n);
	ck_assert(bytes_hold(x, n, "x\n?[2K???gnp??"));
	free(x);
}
END_TEST

/* ---- the whole program ---- */

/* Folders are classes. */
static const char *const CLASSES[] = {
	"\033[2K\033[1Acomplete", "<!--<script>alert(1)<!--", "a\nwarning: b", "\"quo'te,", "=cmd()|'calc'!A0",
		"p" RLO "gnp.exe",
	"\xff\xfe", CSI "31m",
};
enum { IMAGES = 3, SIDE = 16 };

static void make_images(void)
{
	fault e;
	uint8_t x[SIDE * SIDE];
	char name[200];
	for (int k = 0; k < COUNT(CLASSES); k++)
		for (int i = 0; i < IMAGES; i++) {
			memset(x, 20 * k + i, sizeof x);
			for (int j = 0; j < SIDE; j++)
				x[j * SIDE + (i + k) % SIDE] = 255;
			snprintf(name, sizeof name, "data/%s/%d.png", CLASSES[k], i);
			ck_assert_msg(png_write(scratch_at(name), x, SIDE, SIDE, 1, &e), "%s", e.text);
		}
}

static const char *make_config(void)
{
	static const char text[] =
		"name: \"<script>alert(2)<!--\\u202e\\U000e0041=cmd()&'\"\nsteps: 2\nbatch: 4\n"
		"data: {path: %s}\nmodel: {network: resnet, size: 16, g_channels: 8, d_channels: 8, layers_g: [8]}\n"
		"train: {log_every: 1, sample_every: 2, sample_count: 16}\nscore: {count: 0}\n";
	char config[1024];
	const int n = snprintf(config, sizeof config, text, scratch_at("data"));
	file_store(scratch_at("run.yaml"), config, (size_t)n);
	return scratch_at("run.yaml");
}

static answer harmless(const char *rest)
{
	const answer a = sagan("%s", rest);
	ck_assert_msg(a.status == 0, "%s: %s", rest, a.text);
	only_harmless(rest, a.text);
	return a;
}

/* Every command that shows names, and every file that a run leaves. */
START_TEST(names_of_a_stranger_stay_names)
{
	char line[2048];
	size_t n;
	make_images();
	const char *config = make_config(), *dir = scratch_folder();
	snprintf(line, sizeof line, "data %s/data", dir);
	answer a = harmless(line);
	ck_assert_msg(strstr(a.text, "?[2K?[1Acomplete") && strstr(a.text, "a?warning: b"), "%s", a.text);
	snprintf(line, sizeof line, "train %s --out %s/run", config, dir);
	harmless(line);
	snprintf(line, sizeof line, "info %s/run", dir);
	a = harmless(line);
	ck_assert_msg(strstr(a.text, "?[2K?[1Acomplete, ") || strstr(a.text, "=cmd()"), "%s", a.text);
	snprintf(line, sizeof line, "compare %s/run %s/run", dir, dir);
	harmless(line);
	snprintf(line, sizeof line, "compare --json %s/run %s/run", dir, dir);
	harmless(line);
	snprintf(line, sizeof line, "report %s/run --out %s/all.html", dir, dir);
	harmless(line);
	snprintf(line, sizeof line, "bench %s --steps 1 --json", config);
	a = harmless(line);
	json_t *j = json_loads(a.text, 0, NULL);
	ck_assert_msg(j && strstr(json_string_value(json_object_get(j, "config")), "alert(2)"), "%s", a.text);
	json_decref(j);

	snprintf(line, sizeof line, "bench %s --sample --steps 1 --json --batch 1", config);
	a = harmless(line);
	j = json_loads(a.text, 0, NULL);
	ck_assert_msg(j && strstr(json_string_value(json_object_get(j, "config")), "alert(2)"), "%s", a.text);
	json_decref(j);
	snprintf(line, sizeof line, "bench %s --sample --steps 1 --batch 1", config);
	harmless(line);

	/* Names that the user gave: folders and files. */
	static const char *const lines[] = {
		"export '%s/run' --out '%s/%s'", "export '%s/run' --html='%s/%s.html'",
		"attend '%s/run' --out '%s/%s.png'",
		"sample '%s/run' --n 1 --out '%s/%s.png'", "report '%s/run' --out '%s/%s.html'",
		"evaluate '%s/run' --n 4 --against '%s/data' --features pixels --pairs '%s/%s.png'",
	};
	for (int i = 0; i < COUNT(lines); i++) {
		size_t at = 0;
		for (const char *p = lines[i]; *p; p++) {
			const bool mark = *p == '%', name = mark && p[2] != '/';
			at += (size_t)snprintf(line + at, sizeof line - at, mark ? "%s" : "%.1s", !mark ? p : name
				? "\033[2K" RLO "x" : dir);
			p += mark;
		}
		line[at] = '\0';
		a = harmless(line);
	}
	snprintf(line, sizeof line, "compare '%s/\033[2K' '%s/\033[2K'", dir, dir);
	ck_assert_int_eq(command("cp -r %s/run %s/'\033[2K'", dir, dir).status, 0);
	harmless(line);

	static const char *const files[] = {"run/config.yaml", "run/metrics.csv", "run/report.html", "all.html"};
	for (int i = 0; i < COUNT(files); i++) {
		char *x = file_bytes(scratch_at(files[i]), &n);
		only_harmless(files[i], x);
		free(x);
	}
	char *page = file_bytes(scratch_at("all.html"), NULL);
	ck_assert_msg(!strstr(page, "<script>alert") && !strstr(page, "<!--<script>"), "a name ends the script");
	free(page);
	static const char *const pictures[] = {"run/samples-00000002.png", "run/data.png",
		"run/checkpoint-00000002.h5"};
	for (int i = 0; i < COUNT(pictures); i++) {
		char *x = file_bytes(scratch_at(pictures[i]), &n);
		no_harm(pictures[i], x, n);
		free(x);
	}
	a = command("cat %s/run/events.out.tfevents.* | LC_ALL=C grep -c -a -e '\033\\[2K' -e '" RLO "[g=]'", dir);
	ck_assert_msg(strcmp(a.text, "0\n") == 0, "%s", a.text);
}
END_TEST

/* Messages of the program itself about such a file, and what a library says of it. */
START_TEST(messages_about_such_files_are_one_harmless_line)
{
	static const char *const rest[] = {
		"data '%s/\033[2K" RLO "x\xff'", "train '%s/\033[2K" RLO "x\xff.yaml'",
			"info '%s/\033[2K" RLO "x\xff.h5'",
		"train '%s/\033[2K.yaml' --\033[2K", "layers '%s\033[2K'", "info --keys '%s\033[2K'",
	};
	char line[1024];
	for (int i = 0; i < COUNT(rest); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof line, rest[i], scratch_folder());
#pragma GCC diagnostic pop
		const answer a = sagan("%s", line);
		ck_assert_msg(a.status != 0, "%s", a.text);
		only_harmless(line, a.text);
	}
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{what_is_obeyed_becomes_question_marks, 1},
		{each_medium_has_its_own_marks, 1},
		{a_shell_reads_what_was_quoted, 1},
		{texts_of_pictures_and_events_are_plain, 1},
		{names_of_a_stranger_stay_names, 1},
		{messages_about_such_files_are_one_harmless_line, 1},
	};
	return suite_run("foreign text", tests, COUNT(tests), 120);
}
