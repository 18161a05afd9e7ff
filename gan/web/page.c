/* page.c - the page as one text: page.html with the program, its numbers and the two scripts in it. */
#include "gan/web/page.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"

/* The files of this folder as they were when the program was built (Makefile: TEXTS). */
extern const unsigned char web_page_text[], web_engine_text[], web_script_text[];
extern const unsigned long web_page_size, web_engine_size, web_script_size;

/* The page as it grows; full: memory ran out. */
typedef struct text {
	char *x;                                     /* own */
	size_t n, room;
	bool full;
} text;

static void add(text *t, const void *x, size_t n)
{
	if (!t->full && t->n + n + 1 > t->room) {
		const size_t room = 2 * t->room + n + 1;
		char *bigger = realloc(t->x, room);
		t->full = !bigger;
		t->x = bigger ? bigger : t->x;
		t->room = bigger ? room : t->room;
	}
	if (t->full)
		return;
	memcpy(t->x + t->n, x, n);
	t->n += n;
	t->x[t->n] = '\0';
}

/* As the text of an element. */
static void add_escaped(text *t, const char *s)
{
	for (int n; *s; s += MAX(n, 1)) {
		const char *as = text_markup(*s);
		n = text_harmless(s);
		if (n == 0)
			as = "?";
		add(t, as ? as : s, as ? strlen(as) : (size_t)n);
	}
}

/* What stands where the page has @NAME@. */
typedef struct part {
	const char *mark;
	const void *x;
	size_t n;
	bool escape;
} part;

static const part *part_at(const part *p, int n, const char *at, size_t left)
{
	for (int i = 0; i < n; i++)
		if (strlen(p[i].mark) <= left && !memcmp(p[i].mark, at, strlen(p[i].mark)))
			return &p[i];
	return NULL;
}

static bool fill(text *t, const part *parts, int n, fault *e)
{
	const char *page = (const char *)web_page_text;
	size_t at = 0, done = 0;
	while (at < web_page_size) {
		const part *p = page[at] == '@' ? part_at(parts, n, page + at, web_page_size - at) : NULL;
		if (!p) {
			at++;
			continue;
		}
		add(t, page + done, at - done);
		if (p->escape)
			add_escaped(t, p->x);
		else
			add(t, p->x, p->n);
		done = at += strlen(p->mark);
	}
	add(t, page + done, at - done);
	return !t->full || fault_set(e, "out of memory for the page");
}

static bool make(const web_program *p, const char *title, text *t, fault *e)
{
	char *json = program_json(p, e), *weights = json ? program_weights(p, e) : NULL;
	const part parts[] = {
		{"@TITLE@", title, 0, true},
		{"@PROGRAM@", json, json ? strlen(json) : 0, false},
		{"@WEIGHTS@", weights, weights ? strlen(weights) : 0, false},
		{"@ENGINE@", web_engine_text, web_engine_size, false},
		{"@PAGE@", web_script_text, web_script_size, false},
	};
	const bool ok = weights && fill(t, parts, COUNT(parts), e);
	free(json);
	free(weights);
	return ok;
}

bool page_write(const char *path, const web_program *p, const char *title, size_t *bytes, fault *e)
{
	text t = {0};
	const bool ok = make(p, title, &t, e) && file_make_parents(path, e) && file_replace(path, t.x, t.n, e);
	*bytes = t.n;
	free(t.x);
	return ok;
}
