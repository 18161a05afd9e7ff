/* config_yaml.h - YAML as a small tree with line numbers: the one user of libyaml.
 *
 * What a config needs of YAML and no more: one document of mappings, lists and scalars. Anchors,
 * aliases, tags, further documents, deep nesting and large files are refused. */
#ifndef SAGAN_GAN_CONFIG_CONFIG_YAML_H
#define SAGAN_GAN_CONFIG_CONFIG_YAML_H

#include "core/base/base.h"

enum { YAML_BYTES_MAX = 1 << 20, YAML_DEPTH_MAX = 6 };

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* A map's children are key, value, key, value; keys are always scalars. */
typedef struct config_node {
	enum yaml_kind kind;
	int line;                                    /* from 1 */
	bool quoted;                                 /* scalar written in quotes or as a block */
	char *text;                                  /* own: scalar */
	struct config_node *child, *next;              /* own: first child; next sibling */
} config_node;

/* (libyaml exports yaml_free, without declaring it: names of ours stay clear of its prefix.)
 *
 * Reads one document of n bytes. new/free. NULL with "label:line: ..." in e; an empty document is an
 * error too. numbered = false leaves the line out ("command line: ..."). */
config_node *config_tree_read(const char *text, size_t n, const char *label, bool numbered, fault *e);
void config_tree_free(config_node *n);

#endif
