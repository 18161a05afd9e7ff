#include "tests/files.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"
#include "tests/scratch.h"

void *file_bytes(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s is missing", path);
	fseek(f, 0, SEEK_END);
	const size_t size = (size_t)ftell(f);
	rewind(f);
	char *x = malloc(size + 1);
	ck_assert_msg(x && fread(x, 1, size, f) == size, "%s cannot be read", path);
	fclose(f);
	x[size] = '\0';
	if (n)
		*n = size;
	return x;
}

void file_store(const char *path, const void *x, size_t n)
{
	FILE *f = fopen(path, "wb");
	ck_assert_msg(f && fwrite(x, 1, n, f) == n && fclose(f) == 0, "%s cannot be written", path);
}

bool files_equal(const char *a, const char *b)
{
	size_t na, nb;
	char *xa = file_bytes(a, &na), *xb = file_bytes(b, &nb);
	const bool equal = na == nb && !memcmp(xa, xb, na);
	free(xa);
	free(xb);
	return equal;
}

static const char *join(char path[600], const char *folder, const char *name)
{
	snprintf(path, 600, "%s/%s", folder, name);
	return path;
}

bool bytes_hold(const char *bytes, size_t n, const char *text)
{
	const size_t k = strlen(text);
	for (size_t i = 0; i + k <= n; i++)
		if (memcmp(bytes + i, text, k) == 0)
			return true;
	return false;
}

bool file_exists(const char *folder, const char *name)
{
	char path[600];
	return access(join(path, folder, name), F_OK) == 0;
}

void *file_bytes_in(const char *folder, const char *name, size_t *n)
{
	char path[600];
	return file_bytes(join(path, folder, name), n);
}

bool files_equal_in(const char *a, const char *b, const char *name)
{
	char path[2][600];
	return files_equal(join(path[0], a, name), join(path[1], b, name));
}

int files_in(const char *folder)
{
	int n = 0;
	DIR *d = opendir(folder);
	ck_assert_msg(d != NULL, "%s is no folder", folder);
	for (struct dirent *f; (f = readdir(d));)
		n += strcmp(f->d_name, ".") && strcmp(f->d_name, "..");
	closedir(d);
	return n;
}

void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chmod(scratch_at(".."), 0755), 0);
	ck_assert_int_eq(chown(scratch_folder(), NOBODY, NOBODY), 0);
	ck_assert(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

static struct rlimit before;

/* Without ck_assert, which writes to a file of check's own: it would not come back once the limit stands. */
void disk_full(size_t bytes)
{
	must(getrlimit(RLIMIT_FSIZE, &before) == 0, "no limit of file sizes");
	const struct rlimit small = {bytes, before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);                    /* or it ends the process */
	must(setrlimit(RLIMIT_FSIZE, &small) == 0, "no file size can be %zu", bytes);
}

void disk_free(void)
{
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_DFL);
}
