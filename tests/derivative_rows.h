/* derivative_rows.h - what is differentiated in test_derivatives and in `make mutants`: a table with at least one
 * row for every op of core/graph/op_list.c. An op that is added gets a row here. */
#ifndef SAGAN_TESTS_DERIVATIVE_ROWS_H
#define SAGAN_TESTS_DERIVATIVE_ROWS_H

#include "tests/gradcheck.h"

typedef struct derivative_row {
	const char *op;                              /* name of the record that the row is about */
	grad_case c;
} derivative_row;

extern const derivative_row derivative_rows[];
extern const int derivative_row_count;

/* The row whose case has this name; a name that no row has is a bug. */
const grad_case *derivative_row_named(const char *name);

#endif
