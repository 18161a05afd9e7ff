/* level.h - the instruction sets that the innermost loops are compiled for, and which one this process runs.
 *
 * A level is a list of what the processor must have: code of the level uses nothing else (clones.h; the Makefile takes
 * its flags from here). On x86-64: base, the instructions that all have; v3, vectors of 32 bytes and FMA; v4, vectors
 * of 64 bytes. On arm64 the one level is neon, with FMA. Elsewhere base is what the compiler makes. */
#ifndef SAGAN_CORE_BASE_LEVEL_H
#define SAGAN_CORE_BASE_LEVEL_H

#include "core/base/base.h"

#ifdef __x86_64__
#define LEVEL_V3_HAS(F) F("avx2") F("fma") F("bmi") F("bmi2")
#define LEVEL_V4_HAS(F) F("avx512f") F("avx512bw") F("avx512cd") F("avx512dq") F("avx512vl")
#endif

typedef enum cpu_level { LEVEL_BASE, LEVEL_V3, LEVEL_V4, LEVELS } cpu_level;

/* "base", "v3", "v4"; on arm64 "neon" is the first. */
const char *level_name(cpu_level l);

/* This processor, and this program, have the level. */
bool level_has(cpu_level l);

/* The widest level, or the one that the environment variable SAGAN_LEVEL names; the same at every call. */
cpu_level level_now(void);

/* SAGAN_LEVEL is not set or names a level that level_has. Else false, and e says which ones there are; level_now then
 * takes the widest. */
bool level_check(fault *e);

#endif
