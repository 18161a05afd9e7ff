/* config_own.c - the keys that are the network's own: not given, they have the value that its authors published. */
#include "core/base/local.h"
#include "gan/config/config.h"

#include <stdio.h>
#include <string.h>

#include "gan/config/config_internal.h"
#include "layers/attention.h"

/* Bytes of the value of a key that the network may own. */
static size_t bytes_of(const config_key *k)
{
	static const size_t bytes[] = {
		[KEY_INT] = sizeof(int), [KEY_REAL] = sizeof(double), [KEY_BOOL] = sizeof(bool),
		[KEY_CHOICE] = sizeof(int), [KEY_LAYERS] = sizeof(layer_specs),
	};
	must((size_t)k->type < sizeof bytes / sizeof bytes[0] && bytes[k->type], "%s: a network has no such key",
		k->name);
	return bytes[k->type];
}

/* Whether labels are used, and whose layer stands where places are given as numbers, are no fields of net_config. */
static void take_derived(config *c, const char *key, const net_config *own)
{
	if (strcmp(key, "model.conditional") == 0)
		c->model.conditional = own->classes > 0;
	else if (strcmp(key, "model.attention") == 0)
		c->model.attention = word_find((word_list)WORDS(attention_variants), own->g_layers.layer[0].type->name);
	else
		bug_abort(__FILE__, __LINE__, "%s: the network does not say it", key);
}

static void take_one(config *c, const config_key *k, const net_config *own)
{
	const size_t net = offsetof(config, net);
	if (k->offset < net || k->offset >= net + sizeof *own)
		take_derived(c, k->name, own);
	else
		memcpy((char *)c + k->offset, (const char *)own + (k->offset - net), bytes_of(k));
}

void config_take_own(config *c, const net_config *own)
{
	for (int i = 0; i < config_key_count(); i++)
		if (!config_key_at(i)->initial && c->line[i] == LINE_DEFAULT)
			take_one(c, config_key_at(i), own);
}

int config_follow(config *c, const config *was, int *at)
{
	int n = 0;
	for (int i = 0; i < config_key_count(); i++) {
		const config_key *k = config_key_at(i);
		char *now = (char *)c + k->offset;
		const char *then = (const char *)was + k->offset;
		if (c->line[i] != LINE_DEFAULT || (k->initial && k->type != KEY_LAYERS))
			continue;
		char x[CONFIG_VALUE_MAX], y[CONFIG_VALUE_MAX];
		if (strcmp(config_value(c, i, x, sizeof x), config_value(was, i, y, sizeof y)) != 0)
			at[n++] = i;
		memcpy(now, then, bytes_of(k));
		c->line[i] = LINE_RUN;
	}
	return n;
}

/* ---- for people ---- */

enum { NETS_MAX = 16, VALUE_MAX = 64 };

/* The value of key i for each network; a network of several sizes is asked at 28. Returns how many networks. */
static int own_values(int i, char value[NETS_MAX][VALUE_MAX])
{
	const word_list nets = WORDS(net_name);
	config c;
	config_init(&c);
	for (int k = 0; word_at(nets, k); k++) {
		net_config own;
		must(k < NETS_MAX, "more than %d networks", NETS_MAX);
		must(net_config_default(word_at(nets, k), net_square(0), &own, NULL)
		     || net_config_default(word_at(nets, k), net_square(28), &own, NULL),
		     "%s has no published settings", word_at(nets, k));
		config_take_own(&c, &own);
		config_value(&c, i, value[k], VALUE_MAX);
	}
	config_free(&c);
	return word_count(nets);
}

static int count_of(char value[NETS_MAX][VALUE_MAX], int n, const char *what)
{
	int found = 0;
	for (int k = 0; k < n; k++)
		found += strcmp(value[k], what) == 0;
	return found;
}

char *config_key_own(int i, char *buf, size_t size)
{
	char value[NETS_MAX][VALUE_MAX];
	buf[0] = '\0';
	if (config_key_at(i)->initial)
		return buf;
	const int n = own_values(i, value);
	int usual = 0;
	for (int k = 1; k < n; k++)
		if (count_of(value, n, value[k]) > count_of(value, n, value[usual]))
			usual = k;
	size_t at = (size_t)snprintf(buf, size, "%s", value[usual]);
	for (int k = 0; k < n; k++) {
		if (strcmp(value[k], value[usual]) == 0 || count_of(value, k, value[k]) > 0)
			continue;
		const char *joint = "; ";
		for (int j = k; j < n; j++)
			if (strcmp(value[j], value[k]) == 0 && at < size) {
				at += (size_t)snprintf(buf + at, size - at, "%s%s", joint, net_name[j]);
				joint = ", ";
			}
		if (at < size)
			at += (size_t)snprintf(buf + at, size - at, " %s", value[k]);
	}
	return buf;
}
