/* tiny_run.h - networks and data small enough that a test can train them. */
#ifndef SAGAN_TESTS_TINY_RUN_H
#define SAGAN_TESTS_TINY_RUN_H

#include "data/dataset.h"
#include "gan/config/config.h"
#include "gan/train/trainer.h"

/* 16x16 gray, two classes, width 8, batch 4, attention at 8x8. Everything that holds state takes part:
 * two D updates a step, two batches an update, lazy R1, DiffAugment, clipping, flips, moving average. */
extern const char TINY_FULL[];
/* The same with images that are no squares: [24,16], and dcgan's [16,28]. */
extern const char TINY_TALL[], TINY_WIDE[];
/* Pairs of one class, penalties at both kinds of images, and everything that may change along a run does. */
extern const char TINY_PAIRS[];
/* What is added to losses, and choices whose state must be in the checkpoint. */
extern const char TINY_HELPED[];
/* The same network with the plain recipe. */
extern const char TINY_PLAIN[];
/* mnistgans28: noise, dropout and batch norm in D. */
extern const char TINY_MNISTGANS[];

/* A completed config from a text, with further "key=value" (NULL-terminated list, or NULL). What
 * cannot be wrong here ends the program: check's assertions work in tests only. */
config tiny_config(const char *text, const char *const *set);

/* n images [side,side,1] of `classes` classes: bars and blobs that differ from image to image. */
dataset *tiny_data(int64_t n, int side, int classes);
dataset *tiny_data_of(int64_t n, net_size size, int classes);

/* The images of a set, one class after the other, as a folder has them; or the classes in turn, as a set of samples has
 * them, until one has no more. */
void order_by_class(dataset *d, bool in_turn);

/* FNV-1a over everything that decides how a trainer (with data) goes on. */
uint64_t tiny_hash(trainer *t);

#endif
