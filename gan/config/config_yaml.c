/* config_yaml.c - from libyaml's events to a tree. See config_yaml.h. */
#include "gan/config/config_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/base/local.h"

typedef struct reader {
	yaml_parser_t parser;
	yaml_event_t event;                          /* the current one, owned by `next` */
	bool has_event;
	const char *label;
	bool numbered;
	fault *e;
} reader;

void config_tree_free(config_node *n)
{
	while (n) {
		config_node *next = n->next;
		config_tree_free(n->child);
		free(n->text);
		free(n);
		n = next;
	}
}

static bool wrong(reader *r, size_t line, const char *what)
{
	if (r->numbered)
		return fault_set(r->e, "%s:%zu: %s", r->label, line, what);
	return fault_set(r->e, "%s: %s", r->label, what);
}

static size_t line_of(const reader *r)
{
	return r->event.start_mark.line + 1;
}

/* Fetches the next event; the previous one is released. */
static bool next(reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = yaml_parser_parse(&r->parser, &r->event) != 0;
	if (r->has_event)
		return true;
	char what[256];
	const char *problem = r->parser.problem ? r->parser.problem : "out of memory";
	/* A reader error (bytes that are not UTF-8) knows an offset, not a line. */
	if (r->parser.error == YAML_READER_ERROR) {
		snprintf(what, sizeof what, "not a text: %s at byte %zu", problem, r->parser.problem_offset);
		return r->numbered ? fault_set(r->e, "%s: %s", r->label, what) : wrong(r, 0, what);
	}
	snprintf(what, sizeof what, "not YAML: %s%s%s", problem, r->parser.context ? ", " : "",
		 r->parser.context ? r->parser.context : "");
	return wrong(r, r->parser.problem_mark.line + 1, what);
}

/* Anchors, aliases and tags: a config says each thing once, in place. */
static bool plain_event(reader *r)
{
	const yaml_event_t *v = &r->event;
	if (v->type == YAML_ALIAS_EVENT)
		return wrong(r, line_of(r), "an alias (*name) is not allowed here; write the value out, or quote "
			     "a text that begins with *");
	const yaml_char_t *anchor = v->type == YAML_SCALAR_EVENT ? v->data.scalar.anchor
		: v->type == YAML_SEQUENCE_START_EVENT ? v->data.sequence_start.anchor
		: v->type == YAML_MAPPING_START_EVENT ? v->data.mapping_start.anchor : NULL;
	const yaml_char_t *tag = v->type == YAML_SCALAR_EVENT ? v->data.scalar.tag
		: v->type == YAML_SEQUENCE_START_EVENT ? v->data.sequence_start.tag
		: v->type == YAML_MAPPING_START_EVENT ? v->data.mapping_start.tag : NULL;
	if (anchor)
		return wrong(r, line_of(r), "an anchor (&name) is not allowed here; quote a text that begins with &");
	if (tag)
		return wrong(r, line_of(r), "a tag (!name) is not allowed here; quote a text that begins with !");
	return true;
}

static bool take_scalar(reader *r, config_node *n)
{
	const char *text = (const char *)r->event.data.scalar.value;
	if (strlen(text) != r->event.data.scalar.length)
		return wrong(r, line_of(r), "a zero byte in a text");
	n->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	n->text = text_copy(text, r->e);
	return n->text != NULL;
}

static config_node *read_node(reader *r, int depth);

/* Children up to the end event of the list or map that has just begun. */
static bool read_children(reader *r, config_node *n, int depth)
{
	const yaml_event_type_t end = n->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	config_node **tail = &n->child;
	for (bool is_key = true; next(r); is_key = !is_key) {
		if (r->event.type == end)
			return true;
		if (!(*tail = read_node(r, depth + 1)))
			return false;
		if (n->kind == YAML_MAP && is_key && (*tail)->kind != YAML_SCALAR)
			return wrong(r, (size_t)(*tail)->line, "a key must be a word");
		tail = &(*tail)->next;
	}
	return false;
}

/* The node that begins with the current event. */
static config_node *read_node(reader *r, int depth)
{
	if (!plain_event(r))
		return NULL;
	if (depth > YAML_DEPTH_MAX) {
		wrong(r, line_of(r), "nested too deeply");
		return NULL;
	}
	config_node *n = mem_zero(1, sizeof *n, r->e);
	if (!n)
		return NULL;
	n->line = (int)line_of(r);
	bool ok;
	switch (r->event.type) {
	case YAML_SCALAR_EVENT:
		n->kind = YAML_SCALAR;
		ok = take_scalar(r, n);
		break;
	case YAML_SEQUENCE_START_EVENT:
		n->kind = YAML_LIST;
		ok = read_children(r, n, depth);
		break;
	default:
		n->kind = YAML_MAP;
		ok = read_children(r, n, depth);
	}
	if (ok)
		return n;
	config_tree_free(n);
	return NULL;
}

/* Stream start, document start, the node, document end, stream end. */
static config_node *read_document(reader *r)
{
	if (!next(r) || !next(r))
		return NULL;
	if (r->event.type == YAML_STREAM_END_EVENT) {
		wrong(r, 1, "empty: a config is a list of `key: value` lines");
		return NULL;
	}
	config_node *n = next(r) ? read_node(r, 1) : NULL;
	if (!n)
		return NULL;
	if (!next(r) || !next(r))
		goto fail;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return n;
	wrong(r, line_of(r), "a second document (---) begins here; one is allowed");
fail:
	config_tree_free(n);
	return NULL;
}

config_node *config_tree_read(const char *text, size_t n, const char *label, bool numbered, fault *e)
{
	reader r = {.label = label, .numbered = numbered, .e = e};
	if (n > YAML_BYTES_MAX) {
		fault_set(e, "%s: larger than %d bytes: not a config", label, YAML_BYTES_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&r.parser)) {
		fault_set(e, "%s: out of memory", label);
		return NULL;
	}
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
	config_node *doc = read_document(&r);
	if (r.has_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return doc;
}
