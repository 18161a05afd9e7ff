/* version.h - of the program, the library and what they write. */
#ifndef SAGAN_CORE_BASE_VERSION_H
#define SAGAN_CORE_BASE_VERSION_H

#define SAGAN_VERSION "0.2.0"

#endif
