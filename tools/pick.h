/* pick.h - what a user names: a class of a generator. */
#ifndef SAGAN_TOOLS_PICK_H
#define SAGAN_TOOLS_PICK_H

#include "gan/sample/sampler.h"

/* The class that --class names, by its name or its number, into *label, which stays as it is where `given` is NULL.
 * False with e set: the generator has no such class. */
bool pick_class(const sampler *s, const char *given, int *label, fault *e);

#endif
