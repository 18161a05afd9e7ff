/* fuzz_checkpoint.c - checkpoints: what they say of themselves, their checksum, their config. */
#include "gan/checkpoint/saved.h"
#include "tests/fuzz/targets.h"

void fuzz_checkpoint(const uint8_t *x, size_t n)
{
	fault e = {.text = ""};
	checkpoint_info info;
	config c;
	const char *path = fuzz_file("checkpoint-00000001.h5", x, n);
	fuzz_told(checkpoint_verify(path, &e), &e);
	const bool ok = checkpoint_read_info(path, &info, &e);
	fuzz_told(ok, &e);
	if (!ok)
		return;
	const bool parsed = saved_config(&info, &c, &e);
	fuzz_told(parsed, &e);
	if (parsed)
		config_free(&c);
	checkpoint_info_free(&info);
}
