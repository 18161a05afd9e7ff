/* sum_form.c - the axes of a sum, merged. */
#include "core/graph/sum_form.h"

bool sum_form_of(const shape *full, const shape *kept, sum_form *f)
{
	/* Axes aligned at the end; 1 marks a summed axis. Kept, summed, kept: at most one change each. */
	*f = (sum_form){1, 1, 1};
	int part = 0, shift = full->rank - kept->rank;
	for (int i = 0; i < full->rank; i++) {
		int64_t k = i < shift ? 1 : kept->dim[i - shift];
		if (full->dim[i] == 1)
			continue;
		bool summed = k == 1;
		if (part == 0 && summed)
			part = 1;
		else if (part == 1 && !summed)
			part = 2;
		else if (part == 2 && summed)
			return false;
		*(part == 0 ? &f->outer : part == 1 ? &f->middle : &f->inner) *= full->dim[i];
	}
	return true;
}
