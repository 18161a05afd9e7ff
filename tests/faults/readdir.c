#define _GNU_SOURCE                                  /* RTLD_NEXT */
#include "tests/faults/readdir.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

int readdir_names_left = -1;

struct dirent *readdir(DIR *d)
{
	union {
		void *object;
		struct dirent *(*fn)(DIR *d);
	} real_one = {dlsym(RTLD_NEXT, "readdir")};
	if (readdir_names_left == 0) {
		errno = EIO;
		return NULL;
	}
	readdir_names_left -= readdir_names_left > 0;
	return real_one.fn(d);
}
