/* peers_mpi.c - peers over MPI: the only file that knows it. sagan-mpi is linked with it.
 *
 * Messages go from each to each. MPI's own collectives would not say who is late, and its reductions promise no order
 * of adding (MPI 4.1, section 6.9.1, advice to implementors). */
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/peers/peers.h"

static struct {
	int rank, count;
	MPI_Request all[PEERS_OPEN][2 * PEERS_MAX];  /* receives by rank, then sends */
} mpi;

/* What mpirun of Open MPI and of MPICH and srun give their processes. */
static bool mpi_present(void)
{
	static const char *const name[] = {
		"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS",
	};
	for (int i = 0; i < COUNT(name); i++)
		if (getenv(name[i]))
			return true;
	return false;
}

/* The thread that runs the first slice may look after messages while the main thread waits for it: one at a time. */
static void mpi_open(int *rank, int *count)
{
	int given;
	MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &given);
	must(given >= MPI_THREAD_SERIALIZED, "this MPI knows no threads");
	MPI_Comm_rank(MPI_COMM_WORLD, &mpi.rank);
	MPI_Comm_size(MPI_COMM_WORLD, &mpi.count);
	*rank = mpi.rank;
	*count = mpi.count;
}

static void mpi_close(void)
{
	MPI_Finalize();
}

static int whole(size_t bytes)
{
	must(bytes <= INT_MAX, "a message of %zu bytes", bytes);
	return (int)bytes;
}

static void mpi_start(int slot, int tag, const peers_block *b)
{
	MPI_Request *r = mpi.all[slot];
	for (int i = 0; i < 2 * mpi.count; i++)
		r[i] = MPI_REQUEST_NULL;
	for (int i = 0; i < mpi.count; i++)
		if (i != mpi.rank && b[i].from_bytes)
			MPI_Irecv(b[i].from, whole(b[i].from_bytes), MPI_BYTE, i, tag, MPI_COMM_WORLD, &r[i]);
	for (int i = 0; i < mpi.count; i++)
		if (i != mpi.rank && b[i].to_bytes)
			MPI_Isend(b[i].to, whole(b[i].to_bytes), MPI_BYTE, i, tag, MPI_COMM_WORLD, &r[mpi.count + i]);
}

/* Who has not sent, or has not taken what was sent. */
static bool mpi_test(int slot, bool *missing)
{
	int done = 1;
	MPI_Request *r = mpi.all[slot];
	MPI_Status status[2 * PEERS_MAX];            /* of no use, but MPICH's way to leave them out makes gcc warn */
	MPI_Testall(2 * mpi.count, r, &done, status);
	for (int i = 0; missing && !done && i < 2 * mpi.count; i++) {
		int there = 1;
		if (r[i] != MPI_REQUEST_NULL)
			MPI_Test(&r[i], &there, MPI_STATUS_IGNORE);
		missing[i % mpi.count] |= !there;
	}
	return done;
}

static const peers_wire over_mpi = {mpi_present, mpi_open, mpi_close, mpi_start, mpi_test};
const peers_wire *const peers_network = &over_mpi;
