/* config.c - the values of a config: defaults, printing, comparing. Reading is in config_parse.c. */
#include "gan/config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/text.h"
#include "gan/config/config_internal.h"

void config_init(config *c)
{
	config_init_for(c, CONFIG_GAN);
}

void config_init_for(config *c, enum config_purpose p)
{
	fault e = {.text = ""};
	memset(c, 0, sizeof *c);
	c->purpose = p;
	for (int i = 0; i < config_key_count() && !c->broken; i++) {
		c->broken = !config_take_default(c, i, &e);
		must(!c->broken || fault_is_memory(&e), "config key %s: default: %s", config_key_at(i)->name, e.text);
	}
	if (c->broken)
		return;
	net_config own;
	must(net_config_default(config_choice("model.network", c->model.network), net_square(0), &own, NULL),
		"the default network");
	own.size = c->net.size;
	c->net = own;
	config_take_own(c, &own);
}

bool config_good(const config *c, fault *e)
{
	return !c->broken || fault_set(e, "out of memory for a config");
}

void config_free(config *c)
{
	if (!c)
		return;
	free(c->source);
	free(c->file);
	memset(c, 0, sizeof *c);
}

bool config_copy(config *dst, const config *src, fault *e)
{
	if (!config_good(src, e))
		return false;
	*dst = *src;
	dst->source = src->source ? text_copy(src->source, e) : NULL;
	dst->file = src->file ? text_copy(src->file, e) : NULL;
	if ((src->source && !dst->source) || (src->file && !dst->file)) {
		config_free(dst);
		return false;
	}
	return true;
}

/* Text in double quotes, as YAML and JSON have it. */
static void put_quoted(const char *s, char *buf, size_t size)
{
	size_t n = 0;
	if (n + 1 < size)
		buf[n++] = '"';
	for (int k; *s && n + 11 < size; s += k) {
		uint32_t code = (unsigned char)*s;
		k = MAX(text_decode(s, &code), 1);
		if (code < 0x20 || code == 0x7f)
			n += (size_t)snprintf(buf + n, size - n, "\\x%02X", (unsigned)code);
		else if (code == '"' || code == '\\')
			n += (size_t)snprintf(buf + n, size - n, "\\%c", *s);
		else if (!text_harmless(s))
			n += (size_t)snprintf(buf + n, size - n, code > 0xffff ? "\\U%08X" : "\\u%04X", (unsigned)code);
		else
			n += (size_t)snprintf(buf + n, size - n, "%.*s", k, s);
	}
	if (n + 1 < size)
		buf[n++] = '"';
	buf[n] = '\0';
}

/* The shortest decimal that reads back as x. */
static void put_real(double x, char *buf, size_t size)
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(buf, size, "%.*g", digits, x);
		if (strtod(buf, NULL) == x)
			return;
	}
}

/* One argument of a layer: "heads: 4". */
static void put_arg(const layer_arg *a, double x, char *buf, size_t size)
{
	char value[64];
	if (a->type == ARG_WORD)
		snprintf(value, sizeof value, "%s", a->words[(int)x]);
	else if (a->type == ARG_BOOL)
		snprintf(value, sizeof value, "%s", x != 0 ? "true" : "false");
	else if (a->type == ARG_INT)
		snprintf(value, sizeof value, "%.0f", x);
	else
		put_real(x, value, sizeof value);
	snprintf(buf, size, "%s: %s", a->name, value);
}

static void put_layer(const layer_spec *p, char *buf, size_t size)
{
	const layer_type *t = p->type ? p->type : layer_type_at(0);
	size_t n = (size_t)snprintf(buf, size, "{at: %d", p->at);
	if (p->type)
		n += (size_t)snprintf(buf + n, size - n, ", type: %s", t->name);
	for (int i = 0; i < layer_arg_count(t); i++)
		if (p->args.set & 1u << i) {
			char arg[128];
			put_arg(layer_arg_at(t, i), p->args.value[i], arg, sizeof arg);
			n += (size_t)snprintf(buf + n, size - n, ", %s", arg);
		}
	snprintf(buf + n, size - n, "}");
}

size_t config_put_layers(const layer_specs *s, const layer_type *plain, char *buf, size_t size)
{
	if (s->n <= 0)
		return (size_t)snprintf(buf, size, "%s", s->n < 0 ? "auto" : "none");
	size_t n = 1;
	snprintf(buf, size, "[");
	for (int i = 0; i < s->n; i++) {
		const layer_spec *p = &s->layer[i];
		char one[LAYER_ARGS_MAX * 128 + 128];
		if (!p->args.set && (!p->type || p->type == plain))
			snprintf(one, sizeof one, "%d", p->at);
		else
			put_layer(p, one, sizeof one);
		size_t at = MIN(n, size);
		n += (size_t)snprintf(buf + at, size - at, "%s%s%s", i ? ", " : "", one, i + 1 == s->n ? "]" : "");
	}
	return n;
}

static void put_list(const config_key *k, const augment_policy *l, char *buf, size_t size)
{
	if (l->n == 0) {
		snprintf(buf, size, "none");
		return;
	}
	size_t n = (size_t)snprintf(buf, size, "[");
	for (int i = 0; i < l->n && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", config_choice(k->name, l->kind[i]));
	if (n < size)
		snprintf(buf + n, size - n, "]");
}

static void put_ramp(const ramp *c, char *buf, size_t size)
{
	char from[40], to[40];
	put_real(c->from, from, sizeof from);
	put_real(c->to, to, sizeof to);
	snprintf(buf, size, c->from == c->to ? "%s" : "[%s, %s]", from, to);
}

char *config_value(const config *c, int i, char *buf, size_t size)
{
	const config_key *k = config_key_at(i);
	const void *at = (const char *)c + k->offset;
	switch (k->type) {
	case KEY_INT:
		snprintf(buf, size, "%d", *(const int *)at);
		break;
	case KEY_COUNT:
		snprintf(buf, size, "%lld", (long long)*(const int64_t *)at);
		break;
	case KEY_SIZE:
		net_size_print(*(const net_size *)at, buf, size);
		break;
	case KEY_REAL:
		put_real(*(const double *)at, buf, size);
		break;
	case KEY_RAMP:
		put_ramp(at, buf, size);
		break;
	case KEY_BOOL:
		snprintf(buf, size, "%s", *(const bool *)at ? "true" : "false");
		break;
	case KEY_TEXT:
	case KEY_NAMES:
		put_quoted(at, buf, size);
		break;
	case KEY_CHOICE:
		snprintf(buf, size, "%s", config_choice(k->name, *(const int *)at));
		break;
	case KEY_LAYERS:
		config_put_layers(at, layer_type_at(c->model.attention), buf, size);
		break;
	case KEY_LIST:
		put_list(k, at, buf, size);
		break;
	}
	return buf;
}

char *config_value_apart(const config *c, const config *other, int i, char buf[CONFIG_VALUE_MAX])
{
	enum { ALIKE_MOST = 120, BEFORE = 20 };
	char theirs[CONFIG_VALUE_MAX];
	config_value(c, i, buf, CONFIG_VALUE_MAX);
	config_value(other, i, theirs, sizeof theirs);
	size_t same = 0;
	while (buf[same] && buf[same] == theirs[same])
		same++;
	if (same <= ALIKE_MOST)
		return buf;
	size_t from = same - BEFORE;
	while ((buf[from] & 0xc0) == 0x80)           /* not within a character */
		from--;
	memmove(buf + 3, buf + from, strlen(buf + from) + 1);
	memcpy(buf, "...", 3);
	return buf;
}

/* Length of the section of a key name: 5 for "optim.kind", 0 for "seed". */
static int section_length(const char *name)
{
	const char *dot = strchr(name, '.');
	return dot ? (int)(dot - name) : 0;
}

char *config_text(const config *c, fault *e)
{
	const size_t size = (size_t)config_key_count() * (CONFIG_VALUE_MAX + 64);
	char *text = mem_new(size, 1, e);
	if (!text)
		return NULL;
	size_t n = 0;
	const char *section = "";
	for (int i = 0; i < config_key_count(); i++) {
		const char *name = config_key_at(i)->name;
		const int len = section_length(name);
		char value[CONFIG_VALUE_MAX];
		if (!config_key_used(i, c->purpose))
			continue;
		if (len && (section_length(section) != len || strncmp(section, name, (size_t)len) != 0))
			n += (size_t)snprintf(text + n, size - n, "%.*s:\n", len, name);
		section = name;
		n += (size_t)snprintf(text + n, size - n, "%s%s: %s\n", len ? "  " : "", name + (len ? len + 1 : 0),
				      config_value(c, i, value, sizeof value));
	}
	return text;
}

int config_diff(const config *a, const config *b, int *at)
{
	int n = 0;
	for (int i = 0; i < config_key_count(); i++) {
		char x[CONFIG_VALUE_MAX], y[CONFIG_VALUE_MAX];
		if (!config_key_used(i, a->purpose))
			continue;
		if (strcmp(config_value(a, i, x, sizeof x), config_value(b, i, y, sizeof y)) != 0)
			at[n++] = i;
	}
	return n;
}

bool config_wrong(const config *c, const char *key, fault *e, const char *fmt, ...)
{
	const int i = config_key_find(key);
	must(i >= 0, "no config key %s", key);
	char value[CONFIG_VALUE_MAX], place[CONFIG_TEXT_MAX + 32], what[512];
	config_value(c, i, value, sizeof value);
	if (c->line[i] == LINE_COMMAND)
		snprintf(place, sizeof place, "command line");
	else if (c->line[i] == LINE_RUN)
		snprintf(place, sizeof place, "the checkpoint");
	else if (c->line[i] > 0)
		snprintf(place, sizeof place, "%.500s:%d", c->file ? c->file : "config", c->line[i]);
	else
		snprintf(place, sizeof place, "%.500s", c->file ? c->file : "config");
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	const char *whose = c->line[i] != LINE_DEFAULT ? "" : config_key_at(i)->initial ? " (the default)"
		: " (the network's own)";
	return fault_set(e, "%s: %s = %.200s%s: %s", place, key, value, whose, what);
}
