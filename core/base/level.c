/* level.c - which levels this processor has, and which of them SAGAN_LEVEL asks for. */
#include "core/base/level.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *level_name(cpu_level l)
{
#ifdef __aarch64__
	static const char *const lowest = "neon";
#else
	static const char *const lowest = "base";
#endif
	return l == LEVEL_V4 ? "v4" : l == LEVEL_V3 ? "v3" : lowest;
}

bool level_has(cpu_level l)
{
#ifdef __x86_64__
#define AND_HAS(feature) && __builtin_cpu_supports(feature)
	if (l == LEVEL_V4)
		return level_has(LEVEL_V3) LEVEL_V4_HAS(AND_HAS);
	if (l == LEVEL_V3)
		return true LEVEL_V3_HAS(AND_HAS);
#endif
	return l == LEVEL_BASE;
}

/* What SAGAN_LEVEL names, or LEVELS. */
static cpu_level level_asked(void)
{
	const char *name = getenv("SAGAN_LEVEL");
	int l = 0;
	while (name && l < LEVELS && (strcmp(name, level_name(l)) != 0 || !level_has(l)))
		l++;
	return name ? l : LEVELS;
}

static cpu_level level_widest(void)
{
	int l = LEVELS - 1;
	while (!level_has(l))
		l--;
	return l;
}

cpu_level level_now(void)
{
	static atomic_int known = LEVELS;            /* not a state: whoever works it out finds the same */
	int l = atomic_load_explicit(&known, memory_order_relaxed);
	if (l == LEVELS) {
		l = level_asked();
		l = l == LEVELS ? level_widest() : (cpu_level)l;
		atomic_store_explicit(&known, l, memory_order_relaxed);
	}
	return l;
}

bool level_check(fault *e)
{
	const char *name = getenv("SAGAN_LEVEL");
	if (!name || level_asked() != LEVELS)
		return true;
	char have[64] = "";
	for (int l = 0; l < LEVELS; l++)
		if (level_has(l))
			snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", l ? ", " : "", level_name(l));
	return fault_set(e, "SAGAN_LEVEL=%.20s: not a level of this processor, which has: %s", name, have);
}
