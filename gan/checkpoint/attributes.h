/* attributes.h - what a checkpoint says about itself, as attributes of "/": one table writes, reads and hashes them.
 *
 * `checksum_of` names the attributes that the checksum covers, all but itself; whatever else the file has is not
 * believed. The checksum is the SHA-256 of `checksum_of` and of these, each as "name length\nvalue\n": texts as they
 * are, whole numbers in decimal, others as %.17g, the length in bytes. `arrays` is one of them, so it covers the data
 * sets too. Because the names stand in the file, a version that adds an attribute needs no new format. */
#ifndef SAGAN_GAN_CHECKPOINT_ATTRIBUTES_H
#define SAGAN_GAN_CHECKPOINT_ATTRIBUTES_H

#include "core/h5/h5.h"
#include "gan/checkpoint/checkpoint.h"

/* Writes all that c has, and the checksum of it; c->arrays is known. */
bool attributes_write(h5 *f, const checkpoint_info *c, fault *e);

/* Reads those that there are; texts as they are in the file. What is needed and missing is an error. On failure
 * checkpoint_info_free releases what was read. */
bool attributes_read(h5 *f, checkpoint_info *c, fault *e);

/* The checksum of a file of format 2, of what `covered` (its checksum_of) names; path: for messages. False with e set
 * also where the file says something about itself that is not covered. */
bool attributes_checksum(h5 *f, const char *path, const char *covered, char text[SHA256_TEXT], fault *e);

#endif
