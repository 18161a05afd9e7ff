/* libarchive.h - the one place where libarchive is included, for archive.c and pack.c. */
#ifndef SAGAN_CORE_ARCHIVE_LIBARCHIVE_H
#define SAGAN_CORE_ARCHIVE_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#endif
