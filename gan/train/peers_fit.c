/* peers_fit.c - each process compares itself with rank 0. */
#include "gan/train/peers_fit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/sha256.h"
#include "core/kernels/fingerprint.h"
#include "core/peers/peers.h"

/* What decides a bit of the result, besides the config. */
typedef struct about {
	char fingerprint[FINGERPRINT_TEXT];
	char program[SHA256_TEXT];                   /* of the file that runs, "" where it cannot be read */
	uint64_t data;
} about;

/* "" where it cannot be read. */
static void hash_file(const char *path, char text[SHA256_TEXT])
{
	static unsigned char piece[1 << 16];
	FILE *f = fopen(path, "rb");
	sha256 h = sha256_new();
	for (size_t n; f && (n = fread(piece, 1, sizeof piece, f)) > 0;)
		sha256_add(&h, piece, n);
	text[0] = '\0';
	if (f)
		sha256_text(&h, text);
	if (f)
		fclose(f);
}

static about about_this(const dataset *data)
{
	about a;
	memset(&a, 0, sizeof a);                     /* it is compared byte for byte */
	fingerprint_now(a.fingerprint);
	hash_file("/proc/self/exe", a.program);
	a.data = data ? dataset_checksum(data) : 0;
	return a;
}

/* Even what is meant to change no bit must be the same here: the sums of all become one result. */
static bool same_program(const about *a, const about *first, fault *e)
{
	char what[FINGERPRINT_TEXT];
	bool certain;
	if (fingerprint_differs(first->fingerprint, what, &certain))
		return fault_set(e, "another program than rank 0's (docs/portability.md): %s", what);
	if (strcmp(a->program, first->program) != 0)
		return fault_set(e, "another program than rank 0's: build %.16s, there %.16s", a->program,
			first->program);
	return a->data == first->data || fault_set(e, "other images than rank 0 has: checksum %016" PRIx64 ", there "
		"%016" PRIx64, a->data, first->data);
}

/* Where files are, and what changes no result, may be each one's own. */
static bool is_own(const char *key)
{
	static const char *const own[] = {"data.path", "train.out", "train.threads"};
	for (int i = 0; i < COUNT(own); i++)
		if (strcmp(own[i], key) == 0)
			return true;
	return false;
}

static bool same_values(const config *c, const config *first, fault *e)
{
	int at[CONFIG_KEYS_MAX];
	const int n = config_diff(c, first, at);
	for (int i = 0; i < n; i++) {
		char here[CONFIG_VALUE_MAX], there[CONFIG_VALUE_MAX];
		const char *key = config_key_at(at[i])->name;
		if (!is_own(key))
			return fault_set(e, "another config than rank 0's: %s is %.200s, there %.200s", key,
				config_value_apart(c, first, at[i], here),
				config_value_apart(first, c, at[i], there));
	}
	return true;
}

/* text: rank 0's config. */
static bool same_config(const config *c, const char *text, fault *e)
{
	config first;
	config_init(&first);
	const bool ok = config_parse(&first, text, strlen(text), "rank 0's config", e) && config_check(&first, e)
		&& same_values(c, &first, e);
	config_free(&first);
	return ok;
}

bool peers_fit_data(const dataset *data, fault *e)
{
	if (peers_count() == 1)
		return true;
	const about own = about_this(data);
	about first = own;
	peers_spread(&first, sizeof first);
	return peers_agree(same_program(&own, &first, e), e);
}

bool peers_fit_file(const char *path, fault *e)
{
	char hash[SHA256_TEXT], what[512];
	if (peers_count() == 1)
		return true;
	hash_file(path, hash);
	snprintf(what, sizeof what, "%.480s", path);
	return peers_same(what, hash, e);
}

/* The config of rank 0, with its length before it. */
static bool peers_fit_config(const config *c, fault *e)
{
	char *text = config_text(c, e);
	size_t size = text ? strlen(text) + 1 : 0;
	bool ok = peers_agree(text != NULL, e);
	if (ok)
		peers_spread(&size, sizeof size);
	char *theirs = ok ? mem_zero(size, 1, e) : NULL;
	ok = ok && peers_agree(theirs != NULL, e);
	if (ok && peers_rank() == 0)
		memcpy(theirs, text, size);
	if (ok)
		peers_spread(theirs, size);
	ok = ok && peers_agree(same_config(c, theirs, e), e);
	free(text);
	free(theirs);
	return ok;
}

bool peers_fit(const config *c, const dataset *data, fault *e)
{
	return peers_count() == 1 || (peers_fit_data(data, e) && peers_fit_config(c, e));
}
