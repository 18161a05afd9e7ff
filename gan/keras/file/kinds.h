/* kinds.h - files of other programs that people hand to a reader of Keras files, told by their first bytes. */
#ifndef SAGAN_GAN_KERAS_FILE_KINDS_H
#define SAGAN_GAN_KERAS_FILE_KINDS_H

#include "core/base/base.h"

/* True when the path may be a file of Keras. Else e says in a line what it is, and how to get what is read. Only looks
 * at names, and at the first bytes of a file. */
bool kinds_may_be_keras(const char *path, fault *e);

/* Whether the file begins as the JSON of a network (model.to_json()) does. */
bool kinds_is_json(const char *path);

#endif
