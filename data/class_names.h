/* class_names.h - what classes are called: names of a data set, known sets, and all names in one text.
 *
 * A text of names has a name a line, each ended by '\n'; "" says that the classes have numbers only. Checkpoints hold
 * such a text. */
#ifndef SAGAN_DATA_CLASS_NAMES_H
#define SAGAN_DATA_CLASS_NAMES_H

#include "core/base/base.h"

/* Sets whose files do not always hold their names. */
enum known_classes {
	CLASSES_CIFAR10, CLASSES_CIFAR100, CLASSES_CIFAR100_COARSE, CLASSES_FASHION, CLASSES_EMNIST_LETTERS,
	CLASSES_EMNIST_BALANCED, CLASSES_EMNIST_BYCLASS, CLASSES_KNOWN
};
/* How messages about names that the user gave begin. */
#define CLASS_NAMES_PLACE "class names"

/* A text of names. */
const char *class_names_known(enum known_classes set);

/* The set whose label file, for training or testing, holds these labels; CLASSES_KNOWN: another. */
enum known_classes classes_of_labels(const uint8_t *label, int64_t n);

int class_names_count(const char *text);

/* The n names as one text; "" where they are their own numbers. new/free: free(). NULL with e set: no memory. */
char *class_names_join(char *const *name, int n, fault *e);

/* Name k of a text in buf, cut to its size; its number where the text has none. Returns buf. */
char *class_names_at(const char *text, int k, char *buf, size_t size);

/* "cat, dog, bird", cut to the size of buf, which is returned. */
char *class_names_print(const char *text, char *buf, size_t size);

/* Whether names as the user gives them are a file's path: neither "auto" nor a list with commas. */
bool class_names_are_file(const char *given);

/* The class with this name, or else with this name in letters of either case; -1: none. */
int class_names_find(const char *text, const char *word);

/* Two texts of n names: the class of `to` that is called like each class of `from`, in as [n]. Without names ("") on a
 * side, and where the texts are the same, numbers are what matters. False: these are not the same names. */
bool class_names_match(const char *from, const char *to, int n, int *as);

#endif
