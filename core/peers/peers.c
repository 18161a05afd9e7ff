/* peers.c - what all kinds of networks have in common: waiting, agreeing, and the messages about it. */
#include "core/peers/peers.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/local.h"
#include "core/base/processors.h"

enum {
	SPINS = 2000,                                /* looks before the processor is offered to others: about 0.1 ms */
	NAP_NS = 50000,                              /* later a look in so many: others may need the processor */
	PIECE = 1 << 26                              /* bytes of a message that carries an array: MPI counts in int */
};
static const double AWAKE_S = 0.02;                  /* until naps begin, where each process has a processor */
static const double PATIENCE_S = 60;                 /* until a line says who is waited for */

/* Who a peer is, as the others learn at the start. */
typedef struct identity {
	char host[PEERS_HOST];
	processor_set allowed;
} identity;

static struct {
	int rank, count;
	int met;                                     /* how many there are; count is 1 after peers_part */
	identity of[PEERS_MAX];
	void (*about)(const char *line);
	bool open[PEERS_OPEN];
	int tag[PEERS_OPEN];
	double start[PEERS_OPEN];                    /* clock */
	int opened, names;                           /* how many are open; names given so far */
	bool roomy;                                  /* no other has to run where this one waits */
	peers_cost cost;
} peers = {.count = 1, .met = 1};

int peers_count(void)
{
	return peers.count;
}

int peers_rank(void)
{
	return peers.rank;
}

const char *peers_host(int rank)
{
	return peers.of[rank].host;
}

peers_cost peers_cost_now(void)
{
	return peers.cost;
}

/* ---- start and end ---- */

/* For a program that cannot ask: what starters tell in the environment, or `otherwise`. */
static int told(const char *const *name, int otherwise)
{
	for (; *name; name++)
		if (getenv(*name))
			return atoi(getenv(*name));
	return otherwise;
}

static int started_with(int *rank)
{
	static const char *const size[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
	static const char *const number[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", NULL};
	*rank = told(number, 0);
	return told(size, 1);
}

static bool one_alone(int *rank, fault *e)
{
	const int count = started_with(rank);
	return count <= 1 || fault_set(e, "started as one of %d processes, but this program is built for one, and each "
		"would do all the work; `make MPI=1` builds build/sagan-mpi, which shares it", count);
}

static void get_to_know(int rank, int count)
{
	identity own = {.host = ""};
	peers.rank = rank;
	peers.count = peers.met = count;
	gethostname(own.host, sizeof own.host - 1);
	processors_allowed(&own.allowed);
	peers_gather(&own, sizeof own, peers.of);
	peers.roomy = peers_beside() <= processors_usable();
}

/* *rank is that of this process also where it is refused. */
static bool meet(int *rank, fault *e)
{
	int count;
	if (!peers_network)
		return one_alone(rank, e);
	if (!peers_network->present())
		return true;
	peers_network->open(rank, &count);
	const int told_count = count == 1 ? started_with(rank) : count;
	if (count != told_count && told_count > 1)
		return fault_set(e, "started as one of %d processes that do not find each other: by the mpirun of "
			"another MPI than this program is built with", told_count);
	if (count > PEERS_MAX)
		return fault_set(e, "%d processes; at most %d can share the work", count, PEERS_MAX);
	get_to_know(*rank, count);
	return true;
}

/* One of them says why. */
bool peers_open(void (*about)(const char *line), fault *e)
{
	int rank = 0;
	peers.about = about;
	return meet(&rank, e) || (rank > 0 && fault_set(e, "%s", ""));
}

void peers_part(void)
{
	peers.count = 1;
}

/* MPI's own end would look for the others without a pause, and take a processor from the one that still works. */
void peers_close(void)
{
	peers.about = NULL;
	peers.count = peers.met;
	peers_most(0);
	if (peers.count > 1 || (peers_network && peers_network->present()))
		peers_network->close();
	peers.count = peers.met = 1;
	peers.rank = 0;
}

int peers_beside(void)
{
	int n = peers.count > 1 ? 0 : 1;
	const identity *own = &peers.of[peers.rank];
	for (int i = 0; peers.count > 1 && i < peers.count; i++)
		n += strcmp(own->host, peers.of[i].host) == 0
			&& processors_meet(&own->allowed, &peers.of[i].allowed);
	return MAX(n, 1);
}

/* ---- exchanges ---- */

int peers_name(void)
{
	int slot = 0;
	while (slot < PEERS_OPEN && peers.open[slot])
		slot++;
	must(slot < PEERS_OPEN, "more than %d exchanges at a time", PEERS_OPEN);
	peers.open[slot] = true;
	peers.opened++;
	peers.tag[slot] = peers.names;
	if (peers.count > 1)                         /* the others count no exchange of one that has parted from them */
		peers.names = (peers.names + 1) % PEERS_TAGS;
	return slot;
}

void peers_start(int slot, const peers_block *block)
{
	const peers_block *own = &block[peers.rank];
	if (own->from != own->to && own->from_bytes)
		memcpy(own->from, own->to, own->from_bytes);
	for (int i = 0; i < peers.count; i++)
		peers.cost.sent += i == peers.rank ? 0 : (double)block[i].to_bytes;
	peers.start[slot] = peers.count > 1 ? clock_s() : 0;
	if (peers.count > 1)
		peers_network->start(slot, peers.tag[slot], block);
}

int peers_begin(const peers_block *block)
{
	const int slot = peers_name();
	peers_start(slot, block);
	return slot;
}

bool peers_done(int exchange)
{
	must(exchange >= 0 && exchange < PEERS_OPEN && peers.open[exchange], "exchange %d has not begun", exchange);
	if (peers.count > 1 && !peers_network->test(exchange, NULL))
		return false;
	peers.open[exchange] = false;
	peers.opened--;
	peers.cost.carried += peers.count > 1 ? clock_s() - peers.start[exchange] : 0;
	return true;
}

void peers_help(void)
{
	for (int i = 0; peers.count > 1 && peers.opened && i < PEERS_OPEN; i++)
		if (peers.open[i]) {
			peers_network->test(i, NULL);
			return;                      /* one look moves all of them */
		}
}

/* One peer speaks for those that wait: the first of them. */
static void tell_who(int exchange, double seconds)
{
	bool missing[PEERS_MAX] = {false};
	char line[512];
	int n = 0;
	if (!peers.about || peers_network->test(exchange, missing) || (!missing[0] && peers.rank > 0)
	    || (missing[0] && peers.rank > 1))
		return;
	n = snprintf(line, sizeof line, "waiting for %.0f s for", seconds);
	for (int i = 0, told = 0; i < peers.count && n < (int)sizeof line; i++)
		if (missing[i])
			n += snprintf(line + n, sizeof line - (size_t)n, "%s rank %d on %s", told++ ? "," : "", i,
				peers_host(i));
	peers.about(line);
}

/* A processor that sleeps takes longer to wake, under a hypervisor above all, than most waits at a sum last. */
static void rest(double waited)
{
	if (waited < (peers.roomy ? AWAKE_S : 0))
		sched_yield();
	else
		nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

void peers_wait(int exchange)
{
	const double start = peers.count > 1 ? clock_s() : 0;
	bool told = false;
	for (int64_t k = 0; !peers_done(exchange); k++) {
		if (k < SPINS)
			continue;
		const double waited = clock_s() - start;
		rest(waited);
		if (!told && waited > PATIENCE_S) {
			tell_who(exchange, PATIENCE_S);
			told = true;
		}
	}
	peers.cost.waited += peers.count > 1 ? clock_s() - start : 0;
}

void peers_gather(const void *mine, size_t bytes, void *all)
{
	peers_block b[PEERS_MAX];
	for (int i = 0; i < peers.count; i++)
		b[i] = (peers_block){mine, (char *)all + (size_t)i * bytes, bytes, bytes};
	peers_wait(peers_begin(b));
}

void peers_spread(void *x, size_t bytes)
{
	for (size_t at = 0; peers.count > 1 && at < bytes; at += PIECE) {
		const size_t n = MIN(bytes - at, (size_t)PIECE);
		peers_block b[PEERS_MAX] = {{0}};
		for (int i = 1; peers.rank == 0 && i < peers.count; i++)
			b[i] = (peers_block){.to = (char *)x + at, .to_bytes = n};
		if (peers.rank > 0)
			b[0] = (peers_block){.from = (char *)x + at, .from_bytes = n};
		peers_wait(peers_begin(b));
	}
}

/* ---- sharing work ---- */

static void span_of(int rank, int64_t n, int64_t *lo, int64_t *hi)
{
	*lo = n * rank / peers.count;
	*hi = n * (rank + 1) / peers.count;
}

void peers_span(int64_t n, int64_t *lo, int64_t *hi)
{
	span_of(peers.rank, n, lo, hi);
}

/* What is left of a peer's pieces after the first `at` bytes of them, as much as goes in a message. */
static char *left_of(char *x, int rank, int64_t n, size_t bytes, size_t at, size_t *size)
{
	int64_t lo, hi;
	span_of(rank, n, &lo, &hi);
	const size_t all = (size_t)(hi - lo) * bytes;
	*size = all > at ? MIN(all - at, (size_t)PIECE) : 0;
	return *size ? x + (size_t)lo * bytes + at : NULL;
}

static void join(char *x, int64_t n, size_t bytes, bool everybody)
{
	const size_t most = (size_t)((n - 1) / peers.count + 1) * bytes;     /* of a peer */
	for (size_t at = 0; peers.count > 1 && n > 0 && at < most; at += PIECE) {
		peers_block b[PEERS_MAX] = {{0}};
		for (int i = 0; i < peers.count; i++) {
			if (everybody || i == 0)
				b[i].to = left_of(x, peers.rank, n, bytes, at, &b[i].to_bytes);
			if (everybody || peers.rank == 0)
				b[i].from = left_of(x, i, n, bytes, at, &b[i].from_bytes);
		}
		peers_wait(peers_begin(b));
	}
}

void peers_join(void *x, int64_t n, size_t bytes)
{
	join(x, n, bytes, true);
}

void peers_collect(void *x, int64_t n, size_t bytes)
{
	join(x, n, bytes, false);
}

/* ---- agreeing ---- */

int peers_most(int mine)
{
	int all[PEERS_MAX], most = mine;
	peers_gather(&mine, sizeof mine, all);
	for (int i = 0; i < peers.count; i++)
		most = MAX(most, all[i]);
	return most;
}

/* What a peer says of itself: text is empty where it is well. */
typedef struct word {
	bool ok;
	char text[1024];
} word;

bool peers_agree(bool ok, fault *e)
{
	static word all[PEERS_MAX];
	word own = {.ok = ok};
	int first = -1, same = 0;
	if (peers.count == 1)
		return ok;
	if (!ok)
		snprintf(own.text, sizeof own.text, "%s", e->text);
	peers_gather(&own, sizeof own, all);
	for (int i = 0; i < peers.count; i++) {
		first = first < 0 && !all[i].ok ? i : first;
		same += first >= 0 && !all[i].ok && strcmp(all[i].text, all[first].text) == 0;
	}
	if (first < 0)
		return true;
	if (same == peers.count)
		return fault_set(e, "%s", all[first].text);
	return fault_set(e, "rank %d on %s: %.900s", first, peers_host(first), all[first].text);
}

/* Both texts from shortly before they begin to differ. */
static bool tell_other(const char *what, const char *own, const char *first, fault *e)
{
	enum { BEFORE = 100 };
	size_t at = 0;
	while (own[at] && own[at] == first[at])
		at++;
	const size_t from = at > 2 * BEFORE ? at - BEFORE : 0;
	const char *cut = from ? ".." : "";
	return fault_set(e, "another %s than rank 0's: %s%.400s, there %s%.400s", what, cut, own + from, cut,
		first + from);
}

bool peers_same(const char *what, const char *text, fault *e)
{
	size_t size = strlen(text) + 1;
	if (peers.count == 1)
		return true;
	peers_spread(&size, sizeof size);
	char *first = mem_new(size, 1, e);
	if (!peers_agree(first != NULL, e)) {
		free(first);
		return false;
	}
	if (peers.rank == 0)
		memcpy(first, text, size);
	peers_spread(first, size);
	const bool same = peers_agree(strcmp(first, text) == 0 || tell_other(what, text, first, e), e);
	free(first);
	return same;
}
