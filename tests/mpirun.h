/* mpirun.h - runs sagan-mpi with several processes: for tests with libcheck.
 *
 * SAGAN_MPI names that program, MPIRUN what starts it (mpirun): that of the MPI that it is linked with. */
#ifndef SAGAN_TESTS_MPIRUN_H
#define SAGAN_TESTS_MPIRUN_H

#include <sys/types.h>

#include "tests/command.h"

/* NULL: there is no MPI here. */
const char *mpi_program(void);

/* From here on mpirun works for any user, and with more processes than processors. */
void mpi_any_user(void);

/* `rest` follows the name of the program. */
answer mpirun(int n, const char *rest);
/* The same with a line of its own: "-n 1 A : -n 1 B". */
answer mpirun_line(const char *line);

/* The same in the background, its output in a file. Returns mpirun's number. */
pid_t mpirun_begin(int n, const char *rest, const char *log);
/* A process that mpirun has started, the i-th from behind; 0: there is none (yet). */
pid_t mpirun_rank(pid_t mpirun, int i);
/* 128 and the signal's number, where one has ended it. */
int mpirun_end(pid_t mpirun);

#endif
