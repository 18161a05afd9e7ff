/* peers_none.c - a program for one process. sagan-mpi is linked with peers_mpi.c instead. */
#include "core/peers/peers.h"

const peers_wire *const peers_network = NULL;
