/* config_parse.c - from YAML and the command line to values: one path, driven by the table. */
#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "gan/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gan/config/config_internal.h"
#include "gan/config/config_yaml.h"

/* Where a value stands, for messages. */
typedef struct place {
	const char *label;                           /* file name, or "command line" */
	int line;                                    /* or LINE_COMMAND */
	fault *e;
} place;

enum { WHY_MAX = 400 };

/* A scalar as it was written, shortened; control characters as blanks. */
static void show_scalar(const config_node *v, char *buf, size_t size)
{
	const size_t n = strlen(v->text), room = MIN(size - 8, 60);
	snprintf(buf, size, "%s%.*s%s%s", v->quoted ? "\"" : "", (int)MIN(n, room), v->text,
		 n > room ? "..." : "", v->quoted ? "\"" : "");
	for (char *p = buf; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
}

/* A value for messages: of a list the first few items. */
static void show(const config_node *v, char *buf, size_t size)
{
	if (v->kind == YAML_SCALAR) {
		show_scalar(v, buf, size);
		return;
	}
	if (v->kind == YAML_MAP) {
		snprintf(buf, size, "{...}");
		return;
	}
	size_t n = (size_t)snprintf(buf, size, "[");
	for (const config_node *x = v->child; x; x = x->next) {
		char item[96];
		show(x, item, sizeof item);
		if (n + strlen(item) + 8 >= size) {
			n += (size_t)snprintf(buf + n, size - n, "...");
			break;
		}
		n += (size_t)snprintf(buf + n, size - n, "%s%s", item, x->next ? ", " : "");
	}
	snprintf(buf + n, size - n, "]");
}

static bool wrong(const place *p, const char *key, const config_node *v, const char *what)
{
	char value[128];
	show(v, value, sizeof value);
	if (p->line < 0)
		return fault_set(p->e, "%s: %s = %s: %s", p->label, key, value, what);
	return fault_set(p->e, "%s:%d: %s = %s: %s", p->label, p->line, key, value, what);
}

/* ---- one taker per type: v into the field at `at`; false with a reason, or with none when the
 * allowed values say enough ---- */

typedef bool (*taker)(const config_key *k, void *at, const config_node *v, char *why);

static bool is_word(const config_node *v)
{
	return v->kind == YAML_SCALAR && !v->quoted;
}

static bool whole(const config_key *k, const config_node *v, int64_t *x)
{
	return is_word(v) && text_count(v->text, x) && (double)*x >= k->lo && (double)*x <= k->hi;
}

static bool take_int(const config_key *k, void *at, const config_node *v, char *why)
{
	(void)why;
	int64_t x;
	if (!whole(k, v, &x))
		return false;
	*(int *)at = (int)x;
	return true;
}

static bool take_count(const config_key *k, void *at, const config_node *v, char *why)
{
	(void)why;
	return whole(k, v, at);
}

/* 32, or [96, 64]: height and width. */
static bool take_size(const config_key *k, void *at, const config_node *v, char *why)
{
	net_size s;
	const config_node *h = v->kind == YAML_LIST ? v->child : v, *w = v->kind == YAML_LIST && h ? h->next : v;
	if (!h || !w || (h != w && w->next) || !take_int(k, &s.h, h, why) || !take_int(k, &s.w, w, why))
		return false;
	if (h != w && (s.h == 0 || s.w == 0))
		return false;
	*(net_size *)at = s;
	return true;
}

static bool take_real(const config_key *k, void *at, const config_node *v, char *why)
{
	(void)why;
	double x;
	if (!is_word(v) || !text_real(v->text, &x) || !(x >= k->lo && x <= k->hi))
		return false;
	*(double *)at = x;
	return true;
}

/* 0.5, or [1, 0.1]: where it begins and ends. */
static bool take_ramp(const config_key *k, void *at, const config_node *v, char *why)
{
	ramp c;
	const bool two = v->kind == YAML_LIST;
	const config_node *from = two ? v->child : v, *to = two && from ? from->next : v;
	if (!from || !to || (two && to->next) || !take_real(k, &c.from, from, why) || !take_real(k, &c.to, to, why))
		return false;
	*(ramp *)at = c;
	return true;
}

/* The words of YAML 1.1, in letters of either case; YAML 1.2 knows true and false only. */
static bool is_any_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(text, *words) == 0)
			return true;
	return false;
}

static bool take_bool(const config_key *k, void *at, const config_node *v, char *why)
{
	static const char *const yes[] = {"true", "yes", "on", "y", NULL};
	static const char *const no[] = {"false", "no", "off", "n", NULL};
	(void)k, (void)why;
	const bool is_yes = is_word(v) && is_any_of(v->text, yes);
	if (!is_yes && !(is_word(v) && is_any_of(v->text, no)))
		return false;
	*(bool *)at = is_yes;
	return true;
}

/* `key: null` says that the key is not given. */
static bool is_null(const config_node *v)
{
	return is_word(v) && (strcmp(v->text, "~") == 0 || strcasecmp(v->text, "null") == 0);
}

static bool is_utf8(const char *s)
{
	uint32_t code;
	int n = 1;
	for (; *s && n; s += n)
		n = text_decode(s, &code);
	return n > 0;
}

static bool take_text(const config_key *k, void *at, const config_node *v, char *why)
{
	const size_t n = v->kind == YAML_SCALAR ? strlen(v->text) : 0;
	if (v->kind != YAML_SCALAR || (double)n < k->lo || (double)n > k->hi)
		return false;
	if (!is_utf8(v->text)) {                     /* of a command line; YAML is */
		snprintf(why, WHY_MAX, "is not UTF-8, and so no config can hold it;");
		return false;
	}
	memcpy(at, v->text, n + 1);
	return true;
}

/* [cat, dog] is the text "cat, dog". */
static bool take_names(const config_key *k, void *at, const config_node *v, char *why)
{
	char text[CONFIG_TEXT_MAX] = "";
	size_t n = 0;
	if (v->kind != YAML_LIST)
		return take_text(k, at, v, why);
	for (const config_node *x = v->child; x; x = x->next) {
		if (x->kind != YAML_SCALAR || !*x->text || strpbrk(x->text, ",\n")) {
			snprintf(why, WHY_MAX, "each must be a name without a comma;");
			return false;
		}
		const size_t at_most = MIN(n, sizeof text);
		/* a comma also behind a single name: it tells a list from a file */
		n += (size_t)snprintf(text + at_most, sizeof text - at_most, "%s%s", x->text,
			x->next ? ", " : x == v->child ? "," : "");
	}
	if (n == 0)
		return false;
	if ((double)n > k->hi) {
		snprintf(why, WHY_MAX, "more names can be given as a file with a name in each line;");
		return false;
	}
	memcpy(at, text, n + 1);
	return true;
}

static bool take_choice(const config_key *k, void *at, const config_node *v, char *why)
{
	if (v->kind != YAML_SCALAR)
		return false;
	const int i = word_find(k->words, v->text);
	if (i < 0) {
		const char *near = word_near(k->words, v->text);
		if (near)
			snprintf(why, WHY_MAX, "did you mean %s?", near);
		return false;
	}
	*(int *)at = i;
	return true;
}

static bool take_list(const config_key *k, void *at, const config_node *v, char *why)
{
	augment_policy l = {0};
	if (v->kind == YAML_SCALAR && strcmp(v->text, "none") == 0) {
		*(augment_policy *)at = l;
		return true;
	}
	/* A single word stands for a list of one. */
	for (const config_node *x = v->kind == YAML_LIST ? v->child : v; x; x = x->next) {
		int one;
		if (!take_choice(k, &one, x, why))
			return false;
		for (int i = 0; i < l.n; i++)
			if (l.kind[i] == one) {
				snprintf(why, WHY_MAX, "%s appears twice;", x->text);
				return false;
			}
		must(l.n < AUGMENT_MAX, "more than %d choices in %s", AUGMENT_MAX, k->name);
		l.kind[l.n++] = one;
		if (v->kind != YAML_LIST)
			break;
	}
	*(augment_policy *)at = l;
	return true;
}

static const taker TAKE[KEY_NAMES + 1];

/* An argument of a layer read like a key of its type. */
static bool take_arg(const layer_arg *a, const config_node *v, double *out, char *why)
{
	static const enum config_type type[] = {
		[ARG_INT] = KEY_INT, [ARG_REAL] = KEY_REAL, [ARG_BOOL] = KEY_BOOL, [ARG_WORD] = KEY_CHOICE,
	};
	const config_key k = {.name = a->name, .type = type[a->type], .lo = a->lo, .hi = a->hi,
		.words = WORDS(a->words)};
	union {
		int i;
		double x;
		bool b;
	} u;
	char range[256], reason[WHY_MAX] = "", value[64];
	if (TAKE[k.type](&k, &u, v, reason)) {
		*out = a->type == ARG_REAL ? u.x : a->type == ARG_BOOL ? u.b : u.i;
		return true;
	}
	show(v, value, sizeof value);
	if (a->type == ARG_INT && a->lo == a->hi)
		snprintf(range, sizeof range, "%.0f (%s)", a->lo, "the map keeps its size");
	else
		config_key_range(&k, range, sizeof range);
	snprintf(why, WHY_MAX, "%s %.40s: %.60s%smust be %.180s;", k.name, value, reason, reason[0] ? " " : "", range);
	return false;
}

static bool take_type(const config_node *v, const layer_type **type, char *why)
{
	const char *names[LAYER_TYPES_MAX];
	char value[64];
	show(v, value, sizeof value);
	*type = v->kind == YAML_SCALAR ? layer_type_named(v->text) : NULL;
	if (*type)
		return true;
	layer_type_names(names);
	const char *near = v->kind == YAML_SCALAR ? text_closest(v->text, names, layer_type_count()) : NULL;
	snprintf(why, WHY_MAX, "type %.40s: no such layer%s%s; `sagan layers` lists them;", value,
		 near ? ", did you mean " : "", near ? near : "");
	return false;
}

/* "unknown argument head of halo, did you mean heads? It has at, type, place, ..." */
static bool unknown_arg(const layer_type *t, const char *given, char *why)
{
	const char *names[LAYER_ARGS_MAX + 2] = {"at", "type"};
	int n = 2;
	for (int i = 0; i < layer_arg_count(t); i++)
		names[n++] = layer_arg_at(t, i)->name;
	const char *near = text_closest(given, names, n);
	size_t at = (size_t)snprintf(why, WHY_MAX, "unknown argument %.40s of %s%s%s; it has ", given, t->name,
				     near ? ", did you mean " : "", near ? near : "");
	for (int i = 0; i < n && at < WHY_MAX; i++)
		at += (size_t)snprintf(why + at, WHY_MAX - at, "%s%s", names[i], i + 1 < n ? ", " : ";");
	return false;
}

/* Place and type; the other arguments depend on the type, wherever it is written. */
static bool take_layer_head(const config_node *v, layer_spec *s, char *why)
{
	static const layer_arg side = {.name = "at", .type = ARG_INT, .lo = 1, .hi = 512};
	for (const config_node *name = v->child; name; name = name->next->next) {
		double x = 0;
		for (const config_node *d = v->child; d != name; d = d->next->next)
			if (strcmp(d->text, name->text) == 0) {
				snprintf(why, WHY_MAX, "%.40s appears twice;", name->text);
				return false;
			}
		if (strcmp(name->text, "type") == 0 && !take_type(name->next, &s->type, why))
			return false;
		if (strcmp(name->text, "at") == 0 && !take_arg(&side, name->next, &x, why))
			return false;
		if (x > 0)
			s->at = (int)x;
	}
	if (s->at == 0)
		snprintf(why, WHY_MAX, "a site must say at: SIDE;");
	return s->at != 0;
}

/* {at: 16, type: halo, heads: 4}. Without a type it is one of self-attention, which share their arguments. */
static bool take_layer_map(const config_node *v, layer_spec *s, char *why)
{
	s->at = 0;
	if (!take_layer_head(v, s, why))
		return false;
	const layer_type *t = s->type ? s->type : layer_type_at(0);
	for (const config_node *name = v->child; name; name = name->next->next) {
		const int i = layer_arg_find(t, name->text);
		if (strcmp(name->text, "at") == 0 || strcmp(name->text, "type") == 0)
			continue;
		if (i < 0)
			return unknown_arg(t, name->text, why);
		if (!take_arg(layer_arg_at(t, i), name->next, &s->args.value[i], why))
			return false;
		s->args.set |= 1u << i;
	}
	return true;
}

/* auto, none, 16, [16, 32], [{at: 16, type: halo, heads: 4}, 32] */
static bool take_layers(const config_key *k, void *at, const config_node *v, char *why)
{
	layer_specs l = {0};
	const bool is_auto = v->kind == YAML_SCALAR && strcmp(v->text, "auto") == 0;
	if (is_auto || (v->kind == YAML_SCALAR && strcmp(v->text, "none") == 0)) {
		l.n = is_auto ? -1 : 0;
		*(layer_specs *)at = l;
		return true;
	}
	for (const config_node *x = v->kind == YAML_LIST ? v->child : v; x; x = x->next) {
		layer_spec one = {0};
		if (!(x->kind == YAML_MAP ? take_layer_map(x, &one, why) : take_int(k, &one.at, x, why)))
			return false;
		for (int i = 0; i < l.n; i++)
			if (l.layer[i].at == one.at) {
				snprintf(why, WHY_MAX, "%d appears twice;", one.at);
				return false;
			}
		if (l.n == LAYERS_MAX) {
			snprintf(why, WHY_MAX, "more than %d layers;", LAYERS_MAX);
			return false;
		}
		l.layer[l.n++] = one;
		if (v->kind != YAML_LIST)
			break;
	}
	char text[CONFIG_LAYERS_TEXT_MAX];
	if (config_put_layers(&l, NULL, text, sizeof text) >= sizeof text) {
		snprintf(why, WHY_MAX, "the arguments are longer than %d letters;", CONFIG_LAYERS_TEXT_MAX);
		return false;
	}
	*(layer_specs *)at = l;
	return true;
}

static const taker TAKE[KEY_NAMES + 1] = {
	[KEY_INT] = take_int, [KEY_COUNT] = take_count, [KEY_SIZE] = take_size, [KEY_REAL] = take_real,
	[KEY_RAMP] = take_ramp,
	[KEY_BOOL] = take_bool, [KEY_TEXT] = take_text, [KEY_CHOICE] = take_choice, [KEY_LAYERS] = take_layers,
	[KEY_LIST] = take_list, [KEY_NAMES] = take_names,
};

/* ---- keys ---- */

static bool take(config *c, int i, const config_node *v, const place *p)
{
	const config_key *k = config_key_at(i);
	char why[WHY_MAX] = "", range[256], what[WHY_MAX + 300];
	if (TAKE[k->type](k, (char *)c + k->offset, v, why)) {
		c->line[i] = p->line;
		return true;
	}
	snprintf(what, sizeof what, "%s%smust be %s", why, why[0] ? " " : "", config_key_range(k, range, sizeof range));
	return wrong(p, k->name, v, what);
}

/* True when some key lies in the section. */
static bool is_section(const char *name)
{
	const size_t n = strlen(name);
	for (int i = 0; i < config_key_count(); i++)
		if (strncmp(config_key_at(i)->name, name, n) == 0 && config_key_at(i)->name[n] == '.')
			return true;
	return false;
}

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

enum { OFFERED = 3 };

/* Keys that begin with the name, or whose last part does where it has no section: how many, the first ones in key. */
static int keys_begun(const config *c, const char *name, const char *key[OFFERED])
{
	const size_t len = strlen(name);
	int n = 0;
	for (int i = 0; len > 1 && i < config_key_count(); i++) {
		const char *full = config_key_at(i)->name, *part = strchr(name, '.') ? full : last_part(full);
		const bool begins = strncmp(full, name, len) == 0 || strncmp(part, name, len) == 0;
		if (!begins || !config_key_used(i, c->purpose))
			continue;
		if (n < OFFERED)
			key[n] = full;
		n++;
	}
	return n;
}

/* The keys that a wrong name may have meant: of that name in another section, begun by it, or nearly so called in its
 * section. Returns how many; 0 when nothing is near. */
static int suggestions(const config *c, const char *name, const char *key[OFFERED])
{
	const char *full[CONFIG_KEYS_MAX], *last[CONFIG_KEYS_MAX];
	const size_t head = (size_t)(last_part(name) - name);
	int n = 0;
	for (int i = 0; i < config_key_count(); i++) {
		const char *k = config_key_at(i)->name;
		if (!config_key_used(i, c->purpose))
			continue;
		if (strcmp(last_part(k), last_part(name)) == 0)
			return key[0] = k, 1;
		if (head && strncmp(k, name, head) != 0)
			continue;
		full[n] = k;
		last[n++] = head ? k + head : k;
	}
	const int begun = keys_begun(c, name, key);
	if (begun > 0 && begun <= OFFERED)
		return begun;
	const char *near = text_closest(name + head, last, n);
	for (int i = 0; i < n; i++)
		if (last[i] == near)
			return key[0] = full[i], 1;
	return 0;
}

/* i: the key's index where configs of another purpose have it, or -1. */
static bool unknown(const config *c, const place *p, const char *name, int i, const config_node *v)
{
	static const char *const other[] = {
		[CONFIG_GAN] = "a key of classifiers (`sagan classify`), not of GANs",
		[CONFIG_CLASSIFIER] = "a key of GANs (`sagan train`), not of classifiers",
	};
	char what[300];
	if (i >= 0)
		return wrong(p, name, v, other[c->purpose]);
	const char *key[OFFERED + 1] = {NULL};
	char keys[200] = "";
	key[suggestions(c, name, key)] = NULL;
	words_print((word_list)WORDS(key), keys, sizeof keys);
	snprintf(what, sizeof what, "unknown key; %s%s%s", key[0] ? "did you mean " : "`sagan info --keys` lists all",
		 keys, key[0] ? "?" : "");
	return wrong(p, name, v, what);
}

/* One "name: value" of the file; `section` is "" at the top. seen[i]: the line of key i in this file. */
static bool take_entry(config *c, const char *section, const config_node *key, const char *label, int *seen, fault *e)
{
	const config_node *v = key->next;
	const place p = {label, key->line, e};
	char name[128];
	snprintf(name, sizeof name, "%s%s%.60s", section, section[0] ? "." : "", key->text);
	const int i = config_key_find(name);
	if (i < 0 || !config_key_used(i, c->purpose))
		return unknown(c, &p, name, i, v);
	if (seen[i]) {
		char what[128];
		const char *old = config_key_old_name(config_key_at(i)->name);
		snprintf(what, sizeof what, "set twice, first in line %d%s%s%s", seen[i],
			 old ? "; its old name is " : "", old ? old : "", old ? ", use one" : "");
		return wrong(&p, config_key_at(i)->name, v, what);
	}
	seen[i] = key->line;
	if (is_null(v))
		return true;
	c->by_old_name[i] = strcmp(name, config_key_at(i)->name) != 0;
	return take(c, i, v, &p);
}

static bool take_section(config *c, const config_node *key, const char *label, int *seen, fault *e)
{
	const place p = {label, key->line, e};
	if (is_null(key->next))
		return true;
	if (key->next->kind != YAML_MAP)
		return wrong(&p, key->text, key->next, "a section: its keys must follow, indented, one per line");
	for (const config_node *k = key->next->child; k; k = k->next->next)
		if (!take_entry(c, key->text, k, label, seen, e))
			return false;
	return true;
}

static bool take_document(config *c, const config_node *doc, const char *label, fault *e)
{
	int seen[CONFIG_KEYS_MAX] = {0};
	if (doc->kind != YAML_MAP)
		return fault_set(e, "%s:%d: a config must be a list of `key: value` lines", label, doc->line);
	for (const config_node *k = doc->child; k; k = k->next->next) {
		for (const config_node *d = doc->child; d != k; d = d->next->next)
			if (strcmp(d->text, k->text) == 0)
				return fault_set(e, "%s:%d: %s: set twice, first in line %d", label, k->line, k->text,
					d->line);
		const bool ok = is_section(k->text) ? take_section(c, k, label, seen, e)
						    : take_entry(c, "", k, label, seen, e);
		if (!ok)
			return false;
	}
	return true;
}

bool config_parse(config *c, const char *text, size_t n, const char *label, fault *e)
{
	config_node *doc = config_good(c, e) ? config_tree_read(text, n, label, true, e) : NULL;
	if (!doc)
		return false;
	bool ok = take_document(c, doc, label, e);
	config_tree_free(doc);
	char *source = ok ? mem_new(n + 1, 1, e) : NULL;
	char *file = source ? text_copy(label, e) : NULL;
	if (!file) {
		free(source);
		return false;
	}
	memcpy(source, text, n);
	source[n] = '\0';
	free(c->source);
	free(c->file);
	c->source = source;
	c->file = file;
	return true;
}

bool config_load(config *c, const char *path, fault *e)
{
	const bool standard = strcmp(path, "-") == 0;
	FILE *f = standard ? stdin : file_open_read(path, e);
	if (!f)
		return false;
	bool ok = false;
	char *text = mem_new(YAML_BYTES_MAX + 1, 1, e);
	if (text) {
		errno = 0;
		const size_t n = fread(text, 1, YAML_BYTES_MAX + 1, f);
		ok = ferror(f) ? fault_set(e, "%s: %s", path, strerror(errno)) : config_parse(c, text, n, path, e);
	}
	free(text);
	if (!standard)
		fclose(f);
	return ok;
}

/* A text is taken as typed (no quotes needed, # and : are letters); everything else is read as in a
 * file. *key is the index of the key. */
static bool set(config *c, const char *assignment, int *key, fault *e)
{
	const place p = {"command line", LINE_COMMAND, e};
	const char *equal = strchr(assignment, '=');
	char name[128];
	if (!equal)
		return fault_set(e, "command line: --set %.200s: must be KEY=VALUE, as optim.lr_g=1e-4", assignment);
	config_node raw = {.kind = YAML_SCALAR};
	raw.text = (char *)(uintptr_t)(equal + 1);           /* read only, as every node */
	snprintf(name, sizeof name, "%.*s", (int)MIN(equal - assignment, 100), assignment);
	if (is_section(name))
		return wrong(&p, name, &raw, "a section: name one of its keys, as SECTION.KEY=VALUE");
	const int i = *key = config_key_find(name);
	if (i < 0 || !config_key_used(i, c->purpose))
		return unknown(c, &p, name, i, &raw);
	const bool by_old_name = strcmp(name, config_key_at(i)->name) != 0;
	if (c->line[i] < 0 && c->by_old_name[i] != by_old_name)
		return wrong(&p, config_key_at(i)->name, &raw,
			"set twice, under its old name, too; use one of the names");
	c->by_old_name[i] = by_old_name;
	if (config_key_at(i)->type == KEY_TEXT || strspn(raw.text, " \t\r\n") == strlen(raw.text))
		return take(c, i, &raw, &p);
	char label[256];
	snprintf(label, sizeof label, "command line: %s = %.100s", name, raw.text);
	config_node *v = config_tree_read(raw.text, strlen(raw.text), label, false, e);
	const bool ok = v && take(c, i, v, &p);
	config_tree_free(v);
	return ok;
}

bool config_set(config *c, const char *assignment, fault *e)
{
	int i = -1;
	const config before = *c;                    /* its texts stay c's */
	if (config_good(c, e) && set(c, assignment, &i, e) && config_check_key(c, i, e))
		return true;
	*c = before;
	return false;
}

bool config_layer_parse(layer_spec *out, const char *text, fault *e)
{
	char why[WHY_MAX] = "";
	config_node *v = config_tree_read(text, strlen(text), "command line", false, e);
	*out = (layer_spec){0};
	if (!v)
		return false;
	bool ok = v->kind == YAML_MAP && take_layer_map(v, out, why);
	config_tree_free(v);
	if (ok)
		return true;
	const size_t n = strlen(why);
	return fault_set(e, "command line: %.*s", (int)(n && why[n - 1] == ';' ? n - 1 : n), n ? why : "no site");
}

bool config_take_default(config *c, int i, fault *e)
{
	const char *text = config_key_initial(i, c->purpose);
	if (!text)
		return true;
	config_node *v = config_tree_read(text, strlen(text), "default", false, e);
	const bool ok = v && take(c, i, v, &(place){"default", LINE_DEFAULT, e});
	config_tree_free(v);
	return ok;
}
