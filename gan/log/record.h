/* record.h - TFRecord framing: how TensorBoard tells one event from the next, and a whole one from a damaged one.
 *
 * A record is, little-endian: length (8 bytes), masked CRC32C of these, the data, masked CRC32C of the data (4 bytes
 * each). After TensorFlow's core/lib/io/record_writer. */
#ifndef SAGAN_GAN_LOG_RECORD_H
#define SAGAN_GAN_LOG_RECORD_H

#include "core/base/base.h"

enum { RECORD_HEAD = 12, RECORD_TAIL = 4 };

/* The checksum of the Castagnoli polynomial: 0xe3069283 for "123456789". */
uint32_t crc32c(const void *x, size_t n);
/* The same turned and shifted, as records have it: a checksum of data that hold checksums is a good one then. */
uint32_t crc32c_masked(const void *x, size_t n);

/* What stands before and after the data x [n]. */
void record_frame(const void *x, size_t n, uint8_t head[RECORD_HEAD], uint8_t tail[RECORD_TAIL]);

#endif
