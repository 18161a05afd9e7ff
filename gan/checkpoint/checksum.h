/* checksum.h - what the data sets of a checkpoint come to: whoever changes a bit of them changes it.
 *
 * Format 2: a line "path type shape SHA-256\n" for each data set, "/ema/out/bias float32 [3] 5f2c..", in the order of
 * the bytes of the paths; the SHA-256 of these lines is the checksum of the arrays. So the order in the file does not
 * matter, each array is hashed alone, and sha256sum and ten lines of Python do the same (docs/checkpoints.md).
 *
 * Format 1, of 0.1.0: sums of 64 bits that find accidents, and that anybody can make fit. They are only read. */
#ifndef SAGAN_GAN_CHECKPOINT_CHECKSUM_H
#define SAGAN_GAN_CHECKPOINT_CHECKSUM_H

#include "core/base/sha256.h"
#include "gan/checkpoint/state.h"

enum { FORMAT_SUMS = 1, FORMAT_SHA256 = 2 };

/* How an array lies in a file. */
enum stored_as { STORED_F32, STORED_F64, STORED_I64, STORED_KINDS };
size_t stored_width(enum stored_as a);               /* bytes of a number */
/* Of an item that this program writes. */
enum stored_as stored_here(enum array_type t);

/* The hash of one data set. */
typedef struct item_hash {
	const state_item *it;                        /* keep */
	enum stored_as as;
	char text[SHA256_TEXT];                      /* format 2 */
	uint64_t sum;                                /* format 1 */
} item_hash;
/* x: its numbers as stored. The other format's stays empty. */
void item_hash_make(item_hash *h, int format, const void *x);

/* The arrays' checksum. Sorts h. */
void checksum_arrays(item_hash *h, int n, char text[SHA256_TEXT]);
/* Of all items of a list with their arrays, as this program writes them. The threads of the pool hash side by side. */
bool checksum_list(const state_list *l, char text[SHA256_TEXT], fault *e);

/* Format 1: of step and config; with the hashes of all items added, that is its checksum. */
uint64_t checksum_of_config(int64_t step, const char *config);

#endif
