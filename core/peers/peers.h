/* peers.h - the processes that train one network together: who they are, and bytes from each to each.
 *
 * Every process runs the same program on the same input, and each makes the same calls here in the same order. Nothing
 * here adds: what a sum is made of is carried, and everybody adds it in the same order. A process that nobody has
 * started others with is alone: one peer, whose calls cost nothing. Besides the pool, the only state that the whole
 * program shares. */
#ifndef SAGAN_CORE_PEERS_PEERS_H
#define SAGAN_CORE_PEERS_PEERS_H

#include "core/base/base.h"

enum { PEERS_MAX = 64, PEERS_HOST = 64 };

/* Looks for the others; `about` says who is waited for when that takes long (NULL: nobody is told). False with e set:
 * this program was started as one of several and is built for one, or there are more than PEERS_MAX; e is empty but for
 * the first of them. peers_close, also after that, waits for all of them, however long that takes. */
bool peers_open(void (*about)(const char *line), fault *e);
void peers_close(void);
/* Until peers_close rank 0 is alone, for what it does without the others: they wait for it there. */
void peers_part(void);

int peers_count(void);                               /* 1: alone */
int peers_rank(void);                                /* 0 .. count - 1 */
const char *peers_host(int rank);                    /* name of its machine; "" when alone */

/* all [count * bytes] gets each one's `mine` [bytes], by rank. */
void peers_gather(const void *mine, size_t bytes, void *all);
/* x [bytes] of rank 0 to all. */
void peers_spread(void *x, size_t bytes);
/* Work that is shared: this process has pieces [lo,hi) of n, and all together have [0,n), in the order of ranks. */
void peers_span(int64_t n, int64_t *lo, int64_t *hi);
/* x [n,bytes], of which each process has made its span: all get all of it, or rank 0 alone. */
void peers_join(void *x, int64_t n, size_t bytes);
void peers_collect(void *x, int64_t n, size_t bytes);
int peers_most(int mine);                            /* the largest */
/* Whether all say ok. Else false, and e is with all of them what the first to fail has there; where not all have the
 * same to say, with its rank and host. */
bool peers_agree(bool ok, fault *e);
/* Whether all have the text of rank 0; else false, the same with all: another `what` than rank 0's, and the texts. */
bool peers_same(const char *what, const char *text, fault *e);

/* What goes to and comes from one peer. */
typedef struct peers_block {
	const void *to;
	void *from;
	size_t to_bytes, from_bytes;
} peers_block;
/* An exchange, of at most PEERS_OPEN at a time (more are a bug). All peers name them in the same order, and may start
 * them in any. */
enum { PEERS_OPEN = 256, PEERS_TAGS = 1 << 14 };     /* MPI promises 2^15 tags */
int peers_name(void);
/* Begins to carry block[i] to and from rank i, and block[rank] from `to` to `from`. The memory must stay until it is
 * done. */
void peers_start(int exchange, const peers_block *block);
int peers_begin(const peers_block *block);           /* both */
bool peers_done(int exchange);                       /* looks, and helps it along; true once */
void peers_wait(int exchange);
/* Helps all of them along: in a long computation, from one thread at a time. */
void peers_help(void);

/* Since the start: bytes that this process has sent; seconds that exchanges were under way, added up; seconds of these
 * in which it did nothing but wait. */
typedef struct peers_cost {
	double sent, carried, waited;
} peers_cost;
peers_cost peers_cost_now(void);

/* How many peers share this machine and its processors with this one, itself included: those that may run on the same
 * ones. */
int peers_beside(void);

/* ---- for the file that knows a network ---- */

typedef struct peers_wire {
	bool (*present)(void);                       /* this process was started as one of several */
	void (*open)(int *rank, int *count);
	void (*close)(void);
	/* Starts; `slot` is 0 .. PEERS_OPEN - 1, the tag is the same with all. Then: true when complete; missing[i]:
	 * rank i has not sent yet. */
	void (*start)(int slot, int tag, const peers_block *block);
	bool (*test)(int slot, bool *missing);
} peers_wire;
/* Which one this program is linked with, or NULL. */
extern const peers_wire *const peers_network;

#endif
