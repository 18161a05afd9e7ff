/* fuzz_yaml.c - configs. What is read is written and read again: the same config. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/config/config.h"
#include "tests/fuzz/targets.h"

static void again(const config *c)
{
	fault e = {.text = ""};
	int differ[CONFIG_KEYS_MAX];
	config back;
	char *text = config_text(c, &e);
	config_init(&back);
	must(text && config_parse(&back, text, strlen(text), "again.yaml", &e) && config_check(&back, &e), "%s",
		e.text);
	must(config_diff(c, &back, differ) == 0, "%s is another one", config_key_at(differ[0])->name);
	config_free(&back);
	free(text);
}

void fuzz_yaml(const uint8_t *x, size_t n)
{
	fault e = {.text = ""};
	config c;
	config_init(&c);
	const bool ok = config_parse(&c, (const char *)x, n, "fuzz.yaml", &e) && config_check(&c, &e);
	fuzz_told(ok, &e);
	if (ok)
		again(&c);
	config_free(&c);
}
