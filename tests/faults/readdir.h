/* readdir.h - a readdir that fails, for the whole program that names the number below. */
#ifndef SAGAN_TESTS_FAULTS_READDIR_H
#define SAGAN_TESTS_FAULTS_READDIR_H

/* How many names are given before it fails with EIO; -1, as at the start: never. */
extern int readdir_names_left;

#endif
