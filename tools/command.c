/* command.c - options by table, messages, numbers for people. */
#include "tools/command.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "core/peers/peers.h"
#include "gan/checkpoint/kept.h"

const char *program_name = "sagan";

/* With other processes: what is to be said in the end. */
static fault waiting;

int fail(const fault *e)
{
	fflush(stdout);
	waiting = *e;
	if (peers_count() == 1)
		fail_told();
	return EXIT_INPUT;
}

int fail_argument(const fault *e)
{
	const int status = fail(e);
	return fault_is_memory(e) ? status : EXIT_USAGE;
}

int fail_together(int status)
{
	if (peers_count() == 1)
		return status;
	if (peers_agree(status == EXIT_GOOD, &waiting))
		return EXIT_GOOD;
	return status == EXIT_GOOD ? EXIT_INPUT : status;
}

void fail_told(void)
{
	if (waiting.text[0] && peers_rank() == 0)
		fprintf(stderr, "sagan: %s\n", waiting.text);
	waiting.text[0] = '\0';
}

int fail_usage(const command *c, const char *fmt, ...)
{
	char what[TEXT_SHOWN];
	va_list args;
	fflush(stdout);
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	if (peers_count() > 1)
		fault_set(&waiting, "%s: %.800s; `sagan %s --help` says more", c->name, what, c->name);
	else
		fprintf(stderr, "sagan %s: %s\nusage: sagan %s %s [options]; `sagan %s --help` says more\n", c->name,
			text_plain(what, 0), c->name, c->argument, c->name);
	return EXIT_USAGE;
}

/* Whether the n letters at `word` are one of the words of `list`. */
static bool is_among(const char *list, const char *word, size_t n)
{
	for (const char *at = list; at && *at; at += strspn(at, " ")) {
		const size_t len = strcspn(at, " ");
		if (len == n && strncmp(at, word, n) == 0)
			return true;
		at += len;
	}
	return false;
}

/* Of an option without one: {NULL}. */
static option_rule rule_of(const command *c, const char *name)
{
	for (const option_rule *r = c->rules; r && r->name; r++)
		if (strcmp(r->name, name) == 0)
			return *r;
	return (option_rule){0};
}

static void print_help(const command *c, const option_row *rows, int n)
{
	printf("usage: sagan %s %s [options]\n\n%s\n\n", c->name, c->argument, c->about);
	for (int i = 0; i < n; i++) {
		char left[64];
		snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].argument ? rows[i].argument : "");
		const char *with = rule_of(c, rows[i].name).with;
		const bool one = with && !strchr(with, ' ');
		const char *pre = one ? "with --" : "", *post = one ? ": " : "";
		printf("  %-22s %s%s%s%s\n", left, pre, one ? with : "", post, rows[i].help);
	}
	printf("\n%s\n", c->examples);
}

bool read_real(const char *text, double lo, double hi, double *x)
{
	return text_real(text, x) && *x >= lo && *x <= hi;
}

bool read_count(const char *text, double lo, double hi, int64_t *x)
{
	return text_count(text, x) && (double)*x >= lo && (double)*x <= hi;
}

static bool parse_time(const char *text, double *seconds)
{
	static const struct {
		char letter;
		double seconds;
	} unit[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	const size_t n = strlen(text);
	char number[32];
	double scale = 0;                            /* a number alone may be meant in seconds or in minutes */
	for (int i = 0; n && i < COUNT(unit); i++)
		if (text[n - 1] == unit[i].letter)
			scale = unit[i].seconds;
	if (scale == 0 || n > sizeof number)
		return false;
	memcpy(number, text, n - 1);
	number[n - 1] = '\0';
	if (!read_real(number, 0, 1e9, seconds))
		return false;
	*seconds *= scale;
	return *seconds > 0;
}

/* One option's argument into its place; EXIT_USAGE after a message. */
static int take(const command *c, const option_row *row, const char *text)
{
	int64_t n;
	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)row->at = true;
		return EXIT_GOOD;
	case OPTION_INT:
		if (!read_count(text, row->lo, row->hi, &n))
			break;
		*(int *)row->at = (int)n;
		return EXIT_GOOD;
	case OPTION_COUNT:
		if (!read_count(text, row->lo, row->hi, row->at))
			break;
		return EXIT_GOOD;
	case OPTION_REAL:
		if (!read_real(text, row->lo, row->hi, row->at))
			return fail_usage(c, "--%s %s: must be a number from %g to %g", row->name, text, row->lo,
				row->hi);
		return EXIT_GOOD;
	case OPTION_TIME:
		if (!parse_time(text, row->at))
			return fail_usage(c, "--%s %s: must be a time like 90s, 30m, 2h or 1d", row->name, text);
		return EXIT_GOOD;
	case OPTION_PATH: {
		static char at_home[8][4096];        /* borrowed by the caller like argv; no command has more paths */
		static int used;
		if (text[0] == '~' && used < COUNT(at_home))
			text = file_from_home(text, at_home[used++], sizeof at_home[0]);
		*(const char **)row->at = text;
		return EXIT_GOOD;
	}
	case OPTION_TEXT:
		*(const char **)row->at = text;
		return EXIT_GOOD;
	case OPTION_TEXTS: {
		text_list *l = row->at;
		if (l->n == TEXTS_MAX)
			return fail_usage(c, "--%s: given more than %d times", row->name, TEXTS_MAX);
		l->text[l->n++] = text;
		return EXIT_GOOD;
	}
	}
	return fail_usage(c, "--%s %s: must be a whole number from %.0f to %.0f", row->name, text, row->lo, row->hi);
}

static int unknown_option(const command *c, const option_row *rows, int n, const char *given)
{
	const char *name[32];
	char word[64];
	snprintf(word, sizeof word, "%.*s", (int)strcspn(given, "="), given);
	for (int i = 0; i < n; i++)
		name[i] = rows[i].name;
	const char *near = text_closest(word + strspn(word, "-"), name, n);
	return near ? fail_usage(c, "%s: unknown option; did you mean --%s?", word, near)
		    : fail_usage(c, "%s: unknown option", word);
}

/* The word with the unknown letter. In the middle of a word getopt has not gone on to the next one. */
static const char *short_option(char **argv)
{
	const char *last = argv[optind - 1];
	return last[0] == '-' && last[1] == optopt && !last[2] ? last : argv[optind];
}

/* The word behind an option whose argument may be left out, when that is what it ends in; else "". */
static const char *take_optional(const option_row *row, int argc, char **argv)
{
	const char *word = optind < argc ? argv[optind] : "";
	const char *ending = strrchr(row->argument, '.');
	const size_t n = strcspn(ending, "]"), len = strlen(word);
	if (len <= n || strncasecmp(word + len - n, ending, n) != 0)
		return "";
	optind++;
	return word;
}

/* "--a, --b or --c" of the words of a list. */
static void say_options(const char *list, char *buf, size_t size)
{
	size_t at = 0;
	for (const char *word = list; *word && at < size; ) {
		const size_t n = strcspn(word, " ");
		const char *rest = word + n + strspn(word + n, " ");
		const char *joint = word == list ? "" : *rest ? ", " : " or ";
		at += (size_t)snprintf(buf + at, size - at, "%s--%.*s", joint, (int)n, word);
		word = rest;
	}
}

/* The first option of `list` that was given; `given` has a bit for each row. NULL: none was. */
static const char *first_given(const option_row *rows, int n, uint32_t given, const char *list)
{
	for (int i = 0; i < n; i++)
		if (given >> i & 1 && is_among(list, rows[i].name, strlen(rows[i].name)))
			return rows[i].name;
	return NULL;
}

/* Whether what was given goes together: EXIT_USAGE after a message. */
static int check_rules(const command *c, const option_row *rows, int n, uint32_t given)
{
	char names[128];
	for (const option_rule *r = c->rules; r && r->name; r++) {
		const char *against = first_given(rows, n, given, r->without);
		if (!first_given(rows, n, given, r->name))
			continue;
		if (against)
			return fail_usage(c, "--%s does not go with --%s", r->name, against);
		if (r->with && !first_given(rows, n, given, r->with)) {
			say_options(r->with, names, sizeof names);
			return fail_usage(c, "--%s goes with %s", r->name, names);
		}
	}
	return EXIT_GOOD;
}

static int argument_of(const option_row *row)
{
	return !row->argument ? no_argument : row->argument[0] == '[' ? optional_argument : required_argument;
}

enum { ROWS_MAX = 24 };

/* What was given: a bit for each row, and its argument. */
typedef struct given {
	uint32_t rows;
	const char *text[ROWS_MAX];
} given;

static int parse(const command *c, const option_row *rows, int n, int argc, char **argv, const char **place, int needed,
	int places, given *all)
{
	enum { HELP = 1000 };
	struct option list[ROWS_MAX + 2] = {{0}};
	must(n <= ROWS_MAX, "%d options of %s", n, c->name);
	for (int i = 0; i < n; i++)
		list[i] = (struct option){rows[i].name, argument_of(&rows[i]), NULL, HELP + 1 + i};
	list[n] = (struct option){"help", no_argument, NULL, HELP};
	opterr = 0;
	optind = 0;                                  /* glibc: start anew, permuting */
	int found;
	/* getopt takes argv[0] for a program's name: the caller leaves the command's name there. */
	while ((found = getopt_long(argc, argv, ":h", list, NULL)) != -1) {
		if (found == HELP || found == 'h') {
			print_help(c, rows, n);
			return EXIT_GOOD;
		}
		if (found == ':')
			return fail_usage(c, "%s: needs a value", argv[optind - 1]);
		if (found == '?' && optopt > HELP)
			return fail_usage(c, "--%s: takes no value", rows[optopt - HELP - 1].name);
		if (found == '?')
			return unknown_option(c, rows, n, optopt ? short_option(argv) : argv[optind - 1]);
		const int i = found - HELP - 1;
		const option_row *row = &rows[i];
		const char *text = optarg || !row->argument ? optarg : take_optional(row, argc, argv);
		if (optarg && !*optarg)              /* as a variable of a script that nobody set */
			return fail_usage(c, "--%s: its value is empty", row->name);
		all->rows |= UINT32_C(1) << i;
		all->text[i] = text;
		const int status = take(c, row, text);
		if (status != EXIT_GOOD)
			return status;
	}
	const int together = check_rules(c, rows, n, all->rows);
	if (together != EXIT_GOOD)
		return together;
	const int left = argc - optind;
	if (left > places)
		return fail_usage(c, "%s: one argument too many", argv[optind + places]);
	for (int i = 0; i < left; i++) {
		place[i] = argv[optind + i];
		if (!*place[i])
			return fail_usage(c, "an argument is empty");
	}
	return left < needed ? fail_usage(c, "an argument is missing") : -1;
}

/* "evaluate --n 100 --json": what must be the same with all processes. new/free; NULL: no memory. */
static char *say_given(const command *c, const option_row *rows, int n, const given *all, fault *e)
{
	char *line = NULL;
	size_t size;
	FILE *f = file_begin_text(&line, &size);
	if (f)
		fprintf(f, "%s", c->name);
	for (int i = 0; f && i < n; i++) {
		const char *text = rows[i].type == OPTION_PATH ? NULL : all->text[i];
		if (all->rows >> i & 1 && !is_among(c->own, rows[i].name, strlen(rows[i].name)))
			fprintf(f, " --%s%s%s", rows[i].name, text ? " " : "", text ? text : "");
	}
	if (!file_end_text(f, &line))
		fault_set(e, "out of memory for the command line");
	return line;
}

int options_parse(const command *c, const option_row *rows, int n, int argc, char **argv,
		  const char **place, int needed, int places)
{
	given all = {.rows = 0};
	const int status = parse(c, rows, n, argc, argv, place, needed, places, &all);
	if (peers_count() == 1 || !c->shared)
		return status;
	char *line = status < 0 ? say_given(c, rows, n, &all, &waiting) : text_copy("--help", &waiting);
	const bool ok = peers_agree(line && status != EXIT_USAGE, &waiting)
		&& peers_same("command line", line, &waiting);
	free(line);
	return ok ? status : EXIT_USAGE;
}

int read_config(config *cfg, const char *path, const text_list *sets)
{
	return read_config_for(cfg, CONFIG_GAN, path, sets);
}

int read_config_for(config *cfg, enum config_purpose p, const char *path, const text_list *sets)
{
	fault e;
	config_init_for(cfg, p);
	return config_load(cfg, path, &e) ? finish_config(cfg, sets) : fail(&e);
}

int finish_config(config *cfg, const text_list *sets)
{
	fault e;
	for (int i = 0; i < sets->n; i++)
		if (!config_set(cfg, sets->text[i], &e))
			return fail_argument(&e);
	return config_check(cfg, &e) ? EXIT_GOOD : fail(&e);
}

char *print_bytes(double bytes, char *buf, size_t size)
{
	static const char *const unit[] = {"bytes", "kB", "MB", "GB", "TB"};
	int k = 0;
	for (; bytes >= 1000 && k + 1 < COUNT(unit); k++)
		bytes /= 1000;
	snprintf(buf, size, k && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, unit[k]);
	return buf;
}

char *print_count(int64_t n, char *buf, size_t size)
{
	char digits[32];
	const int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
	size_t k = 0;
	for (int i = 0; i < len && k + 2 < size; i++) {
		buf[k++] = digits[i];
		if ((len - i - 1) % 3 == 0 && i + 1 < len && digits[i] != '-')
			buf[k++] = ',';
	}
	buf[k] = '\0';
	return buf;
}

double peak_bytes(void)
{
	struct rusage u;
	return getrusage(RUSAGE_SELF, &u) == 0 ? (double)u.ru_maxrss * 1024 : 0;
}


char *print_time(double seconds, char *buf, size_t size)
{
	const int64_t s = seconds > 0 ? (int64_t)(seconds + 0.5) : 0;
	if (s >= 86400)
		snprintf(buf, size, "%lld d %02lld h", (long long)(s / 86400), (long long)(s / 3600 % 24));
	else if (s >= 3600)
		snprintf(buf, size, "%lld h %02lld min", (long long)(s / 3600), (long long)(s / 60 % 60));
	else if (s >= 60)
		snprintf(buf, size, "%lld min %02lld s", (long long)(s / 60), (long long)(s % 60));
	else
		snprintf(buf, size, "%lld s", (long long)s);
	return buf;
}

/* Folders of the configs, by their names; what each comes from and how large it is, the script knows. */
static const struct offer {
	const char *folder, *meanwhile;
} OFFER[] = {
	{"cifar10", "data/cifar10-mini, the 2,000 of its images that come with the program"},
	{"cifar100", NULL},
	{"fashion-mnist", "data/mnist, the digits that come with the program"},
};

bool offer_data(const char *path, fault *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const fault why = *e;
	for (int i = 0; i < COUNT(OFFER); i++)
		if (strcmp(name, OFFER[i].folder) == 0 && file_type(path) == FILE_MISSING)
			return fault_set(e, "%.600s; `tools/fetch-data.sh %s` fetches it%s%s", why.text, name,
				OFFER[i].meanwhile ? "; until then: --set data.path=" : "",
				OFFER[i].meanwhile ? OFFER[i].meanwhile : "");
	return false;
}

/* A name may be without an ending; one that begins with a letter says what the file is, so it must say the truth. */
static bool name_may_be(const char *path, const char *ending, const char *what, fault *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
	return !dot || dot == name || !isalpha((unsigned char)dot[1]) || strcasecmp(dot, ending) == 0
		|| fault_at(e, path, "%s; let the name end in %s", what, ending);
}

bool picture_may_be(const char *path, fault *e)
{
	return name_may_be(path, ".png", "pictures are written as PNG", e) && kept_spared(path, KEPT_NOTHING, e);
}

bool page_may_be(const char *path, fault *e)
{
	return name_may_be(path, ".html", "pages are written as HTML", e) && kept_spared(path, KEPT_NOTHING, e);
}

bool picture_beside_may_be(const char *path, fault *e)
{
	return strcmp(path, "-") == 0 ? fault_at(e, path, "standard output has the results; give the picture a name")
		: picture_may_be(path, e);
}

bool output_apart(const char *path, const char *data, fault *e)
{
	return !data || !*data || !file_lies_in(path, data)
		|| fault_at(e, path, "lies in the data that are read, %s; write it to another place", data);
}

int threads_here(int asked)
{
	return asked || peers_count() == 1 ? asked : MAX(1, pool_processors() / peers_beside());
}

FILE *told_beside(const char *path)
{
	return path && strcmp(path, "-") == 0 ? stderr : stdout;
}

void print_line(void *ctx, const char *text)
{
	(void)ctx;
	puts(text_show(text).s);
}
