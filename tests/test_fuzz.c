/* test_fuzz.c - the seeds of the fuzz targets, and the inputs that once found something, through the readers that they
 * are for: none crashes, and each gives a result or a line. `make fuzz-NAME` looks for more. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/files.h"
#include "tests/fuzz/targets.h"
#include "tests/suite.h"

#define CORPUS "tests/fuzz/corpus"

static const struct {
	const char *name;
	void (*fn)(const uint8_t *x, size_t n);
} TARGET[] = {
#define ROW(name) {#name, fuzz_##name},
	FUZZ_TARGETS(ROW)
};

START_TEST(inputs_of_a_target_end_in_a_result_or_a_line)
{
	char folder[128];
	int n = 0;
	fuzz_use(scratch_folder());
	snprintf(folder, sizeof folder, CORPUS "/%s", TARGET[_i].name);
	DIR *d = opendir(folder);
	ck_assert_msg(d != NULL, "%s: no corpus", folder);
	for (struct dirent *f; (f = readdir(d)) != NULL;) {
		size_t size;
		if (f->d_name[0] == '.')
			continue;
		uint8_t *x = file_bytes_in(folder, f->d_name, &size), *exact = malloc(MAX(size, 1));
		memcpy(exact, x, size);              /* without a 0 behind it: readers must keep to its length */
		free(x);
		if (getenv("VERBOSE"))
			fprintf(stderr, "%s/%s\n", folder, f->d_name);
		TARGET[_i].fn(exact, size);
		free(exact);
		n++;
	}
	closedir(d);
	ck_assert_int_gt(n, 0);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{inputs_of_a_target_end_in_a_result_or_a_line, COUNT(TARGET)},
	};
	return suite_run("fuzz", tests, COUNT(tests), 60);
}
