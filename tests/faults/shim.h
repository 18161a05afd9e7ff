/* shim.h - orders for a program under shim.c: which call of it fails. */
#ifndef SAGAN_TESTS_FAULTS_SHIM_H
#define SAGAN_TESTS_FAULTS_SHIM_H

#include <stdint.h>

enum fault_call {
	FAULT_NONE, FAULT_MEMORY, FAULT_THREAD, FAULT_FORK, FAULT_MMAP, FAULT_OPEN, FAULT_CLOSE, FAULT_READ,
	FAULT_WRITE, FAULT_FSYNC, FAULT_RENAME, FAULT_READDIR, FAULT_MKDIR, FAULT_UNLINK, FAULT_TRUNCATE,
	FAULT_PIPE, FAULT_STAT, FAULT_LOCK, FAULT_CALLS
};

enum {
	FAULT_ORDERS = 100, FAULT_ANSWERS = 101,     /* descriptors: orders are read, wait statuses written */
	FAULT_SECONDS = 200,                         /* a program that goes on for longer is stopped by SIGALRM */
	FAULT_NO_SHIM = 99,                          /* exit status where the system does not let it work */
	FAULT_PLACES = 1 << 16, FAULT_DEPTH_MAX = 32
};

typedef struct fault_order {
	enum fault_call call;
	int error;                                   /* an errno */
	int64_t k;                                   /* from 1; 0: none fails, all are counted */
	int lasting;                                 /* all that follow fail, too */
	int trace;                                   /* prints who made the call that fails, and where it dies */
	int depth;                                   /* writes down one k for each place that calls: so many callers */
	char folder[256], out[256], err[256];        /* where it runs; what it prints */
} fault_order;

/* A file that both sides map, its name in FAULT_COUNT of the environment. */
typedef struct fault_count {
	int64_t made, places;
	int64_t place[FAULT_PLACES];                 /* the first k of each stack of callers; [places] */
	char who[4096];                              /* with trace: who made the call that failed, also in a child */
} fault_count;

#endif
