/* version.h - the version of the program and the library, which also stands in the files that they write. */
#ifndef SAGAN_CORE_BASE_VERSION_H
#define SAGAN_CORE_BASE_VERSION_H

#define SAGAN_VERSION "0.2.0"

#endif
