/* version.h - of the program, the library and what they write. */
#ifndef SAGAN_GAN_VERSION_H
#define SAGAN_GAN_VERSION_H

#define SAGAN_VERSION "0.1.0"

#endif
