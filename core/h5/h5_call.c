/* h5_call.c - calls of h5.h carried out: by a table, in a child process that gets them through a socket.
 *
 * A request is a head (the record itself; what its pointers mean does not matter there), then `in`, path and name. An
 * answer is a byte (1: good), then the fault, or the head, `out` and `made`. The child serves until the socket ends. */
#include "core/h5/h5_call.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/confine.h"
#include "core/base/descriptor.h"
#include "core/base/file.h"
#include "core/base/local.h"
#include "core/h5/hdf.h"

/* ---- the table ---- */

static bool list_back(h5_call *c, h5_names *names, fault *e)
{
	size_t size = 1, at = 0;
	for (int i = 0; i < names->n; i++)
		size += strlen(names->name[i]) + 1;
	char *all = c->made = mem_zero(size, 1, e);
	for (int i = 0; all && i < names->n; at += strlen(names->name[i]) + 1, i++)
		memcpy(all + at, names->name[i], strlen(names->name[i]) + 1);
	c->n = names->n;
	c->made_n = at;
	h5_names_free(names);
	return all != NULL;
}

static bool do_finish(hdf *f, h5_call *c, fault *e)
{
	void *bytes;
	if (!hdf_finish(f, &bytes, &c->made_n, e) || !(c->made = mem_new(c->made_n, 1, e)))
		return false;
	memcpy(c->made, c->made_n ? bytes : c->made, c->made_n);
	return true;
}

static bool do_list(hdf *f, h5_call *c, fault *e)
{
	h5_names names;
	return hdf_list(f, c->path, &names, e) && list_back(c, &names, e);
}

typedef struct walked {
	FILE *to;                                    /* of file_begin_text */
	int members;
} walked;

/* A stream that had no memory says so at its end. */
static bool walk_add(void *ctx, const char *path, const h5_info *info, fault *e)
{
	enum { MEMBERS_MAX = 1 << 20 };
	walked *w = ctx;
	if (w->members == MEMBERS_MAX)
		return fault_set(e, "%s: more than %d groups and data sets", path, MEMBERS_MAX);
	fwrite(info, sizeof *info, 1, w->to);
	fwrite(path, strlen(path) + 1, 1, w->to);
	w->members++;
	return true;
}

static bool do_walk(hdf *f, h5_call *c, fault *e)
{
	char *all;
	walked w = {.to = file_begin_text(&all, &c->made_n)};
	const bool ok = w.to && hdf_walk(f, c->path, (int)c->lo, walk_add, &w, e);
	if (!file_end_text(w.to, &all))
		return fault_set(e, "out of memory for the list of a file");
	c->made = all;
	c->n = w.members;
	return ok;
}

static bool do_texts(hdf *f, h5_call *c, fault *e)
{
	h5_names names;
	return hdf_attr_texts(f, c->path, c->name, &names, e) && list_back(c, &names, e);
}

static bool do_text(hdf *f, h5_call *c, fault *e)
{
	char *text = hdf_attr_text_new(f, c->path, c->name, e);
	c->made = text;
	c->made_n = text ? strlen(text) : 0;
	return text != NULL;
}

static bool do_write_texts(hdf *f, h5_call *c, fault *e)
{
	const char **text = mem_new((size_t)c->n, sizeof *text, e), *at = c->in;
	for (int64_t i = 0; text && i < c->n; i++, at += strlen(at) + 1)
		text[i] = at;
	const bool ok = text && hdf_attr_write_texts(f, c->path, c->name, (int)c->n, text, e);
	free(text);
	return ok;
}

#define OP(name, what) static bool do_##name(hdf *f, h5_call *c, fault *e) { return (void)e, what; }
OP(exists, (c->whole = hdf_exists(f, c->path), true))
OP(group, hdf_group(f, c->path, e))
OP(stat, hdf_stat(f, c->path, &c->info, e))
OP(read_real, hdf_read_real(f, c->path, c->out, c->count, e))
OP(read_f64, hdf_read_f64(f, c->path, c->out, c->count, e))
OP(read_i64, hdf_read_i64(f, c->path, c->out, c->count, e))
OP(rows_u8, hdf_read_rows_u8(f, c->path, c->lo, c->lo + c->n, c->out, c->count, e))
OP(rows_real, hdf_read_rows_real(f, c->path, c->lo, c->lo + c->n, c->out, c->count, e))
OP(rows_f64, hdf_read_rows_f64(f, c->path, c->lo, c->lo + c->n, c->out, c->count, e))
OP(write_f32, hdf_write_f32(f, c->path, c->s, c->in, e))
OP(write_i32, hdf_write_i32(f, c->path, c->s, c->in, e))
OP(write_f16, hdf_write_f16(f, c->path, c->s, c->in, e))
OP(write_real, hdf_write_real(f, c->path, c->s, c->in, e))
OP(write_f64, hdf_write_f64(f, c->path, c->s, c->in, e))
OP(write_u8, hdf_write_u8(f, c->path, c->s, c->in, e))
OP(write_i64, hdf_write_i64(f, c->path, c->s, c->in, e))
OP(new_rows_u8, hdf_rows_u8(f, c->path, c->s, e))
OP(new_rows_f32, hdf_rows_f32(f, c->path, c->s, e))
OP(new_rows_i32, hdf_rows_i32(f, c->path, c->s, e))
OP(fill_u8, hdf_fill_u8(f, c->path, c->lo, c->n, c->in, c->count, e))
OP(fill_real, hdf_fill_real(f, c->path, c->lo, c->n, c->in, c->count, e))
OP(i64, hdf_attr_i64(f, c->path, c->name, &c->whole, e))
OP(f64, hdf_attr_f64(f, c->path, c->name, &c->number, e))
OP(has, (c->whole = hdf_attr_exists(f, c->path, c->name), true))
OP(kind, (c->whole = hdf_attr_kind(f, c->path, c->name), true))
OP(write_text, hdf_attr_write_text(f, c->path, c->name, c->in, e))
OP(write_ascii, hdf_attr_write_ascii(f, c->path, c->name, c->in, e))
OP(write_one_i64, hdf_attr_write_i64(f, c->path, c->name, c->whole, e))
OP(write_one_f64, hdf_attr_write_f64(f, c->path, c->name, c->number, e))

static bool (*const OPS[H5_OPS])(hdf *f, h5_call *c, fault *e) = {
	[H5_OP_FINISH] = do_finish, [H5_OP_EXISTS] = do_exists, [H5_OP_GROUP] = do_group, [H5_OP_LIST] = do_list,
	[H5_OP_WALK] = do_walk, [H5_OP_STAT] = do_stat,
	[H5_OP_READ_REAL] = do_read_real, [H5_OP_READ_F64] = do_read_f64, [H5_OP_READ_I64] = do_read_i64,
	[H5_OP_ROWS_U8] = do_rows_u8, [H5_OP_ROWS_REAL] = do_rows_real,
	[H5_OP_ROWS_F64] = do_rows_f64, [H5_OP_WRITE_F32] = do_write_f32, [H5_OP_WRITE_I32] = do_write_i32,
	[H5_OP_WRITE_F16] = do_write_f16, [H5_OP_WRITE_REAL] = do_write_real, [H5_OP_WRITE_F64] = do_write_f64,
	[H5_OP_WRITE_U8] = do_write_u8, [H5_OP_WRITE_I64] = do_write_i64, [H5_OP_NEW_ROWS_U8] = do_new_rows_u8,
	[H5_OP_NEW_ROWS_F32] = do_new_rows_f32, [H5_OP_NEW_ROWS_I32] = do_new_rows_i32,
	[H5_OP_FILL_U8] = do_fill_u8, [H5_OP_FILL_REAL] = do_fill_real, [H5_OP_TEXT] = do_text, [H5_OP_I64] = do_i64,
	[H5_OP_F64] = do_f64, [H5_OP_TEXTS] = do_texts, [H5_OP_HAS] = do_has, [H5_OP_KIND] = do_kind,
	[H5_OP_WRITE_TEXT] = do_write_text, [H5_OP_WRITE_ASCII] = do_write_ascii,
	[H5_OP_WRITE_TEXTS] = do_write_texts, [H5_OP_WRITE_ONE_I64] = do_write_one_i64,
	[H5_OP_WRITE_ONE_F64] = do_write_one_f64,
};

/* These say "no" where a call of the library fails. */
static bool is_question(enum h5_op op)
{
	return op == H5_OP_EXISTS || op == H5_OP_HAS || op == H5_OP_KIND;
}

/* For want of memory, or of a disk that works, no call and no question has an answer. */
static bool do_call(hdf *f, h5_call *c, fault *e)
{
	char why[REASON];
	const bool ok = OPS[c->op](f, c, e), now = hdf_now(why);
	return now && (!ok || is_question(c->op)) ? hdf_no_answer(f, c->path, why, e) : ok;
}

static hdf *do_open(const h5_call *c, fault *e)
{
	return c->op == H5_OP_OPEN ? hdf_open(c->path, e)
		: c->op == H5_OP_OPEN_IMAGE ? hdf_open_image(c->in, c->in_n, c->path, e)
		: c->op == H5_OP_CREATE ? hdf_create(c->path, e) : hdf_create_at(c->path, c->name, e);
}

static hdf *do_first(const h5_call *c, fault *e)
{
	char why[REASON];
	hdf *f = hdf_begin(c->path, e) ? do_open(c, e) : NULL;
	if (hdf_now(why) && !f)
		fault_at(e, c->path, "%s", why);
	return f;
}

/* ---- the child ---- */

struct h5_worker {
	const char *label;                           /* borrow */
	hdf *here;                                   /* own; in this process, where it is a child itself */
	confine *child;                              /* own */
	int socket;                                  /* of the parent */
	h5_call ahead[H5_AHEAD];                     /* asked for, not taken: a ring */
	int first, waiting;
	bool over;                                   /* why: the child is gone, or a question has no answer */
	fault why;
};

typedef struct job {
	h5_call *first;                              /* borrow */
	int mine, theirs;                            /* ends of the socket */
} job;

/* What `in` points to follows, first so that it is aligned, then the two texts with their ends. */
typedef struct request {
	h5_call call;
	size_t path_n, name_n;
} request;

/* n bytes of the socket; new/free. NULL without a word in e: they did not come. */
static char *receive_new(int fd, size_t n, fault *e)
{
	char *x = mem_new(n, 1, e);
	if (x && descriptor_read(fd, x, n))
		return x;
	free(x);
	return NULL;
}

static bool answer(confine_out *out, bool ok, const h5_call *c, const fault *why)
{
	const char good = ok;
	return confine_put(out, &good, 1) && (ok ? confine_put(out, c, sizeof *c) && confine_put(out, c->out, c->out_n)
		&& confine_put(out, c->made, c->made_n) : confine_put(out, why, sizeof *why)) && confine_flush(out);
}

/* False when there is no more to do. */
static bool serve_one(hdf *f, const char *label, int fd, confine_out *out)
{
	request r;
	fault why;
	memset(&why, 0, sizeof why);                 /* all of it goes through the pipe */
	if (!descriptor_read(fd, &r, sizeof r))
		return false;
	h5_call *c = &r.call;
	char *all = receive_new(fd, c->in_n + r.path_n + r.name_n, &why);
	if (!all && !why.text[0])
		fault_at(&why, label, FAULT_NOW ": its reader does not hear");
	c->in = all;
	c->path = all ? all + c->in_n : NULL;
	c->name = all ? c->path + r.path_n : NULL;
	c->made = NULL;
	c->made_n = 0;
	c->out = c->out_n ? mem_new(c->out_n, 1, &why) : NULL;
	const bool here = all && (c->out || !c->out_n), ok = here && do_call(f, c, &why);
	/* Without room for the request the rest of it is still in the socket: the answer is the last one. */
	const bool more = answer(out, ok, c, &why) && all;
	free(all);
	free(c->out);
	free(c->made);
	return more;
}

static bool serve(void *ctx, confine_out *out, fault *e)
{
	const job *j = ctx;
	close(j->theirs);
	hdf *f = do_first(j->first, e);
	if (!f)
		return false;
	const char begun = 1;
	bool more = confine_put(out, &begun, 1) && confine_flush(out);
	while (more)
		more = serve_one(f, j->first->path, j->mine, out);
	hdf_close(f);
	return true;
}

/* ---- the parent ---- */

/* An open file is given so much memory: what its library keeps, its chunks unpacked, and numbers on their way, which
 * are at most eight times as wide as in the file. Asked for by the caller, they are checked before. */
enum { MEMORY_FACTOR = 16, MEMORY_MORE = 1 << 30 };

static confine_limits limits_of(const h5_call *c)
{
	struct stat st;
	if (c->op == H5_OP_CREATE || c->op == H5_OP_CREATE_AT)
		return (confine_limits){.cpu_s = INT_MAX, .writes = true, .files = c->op == H5_OP_CREATE_AT};
	const int64_t n = c->op == H5_OP_OPEN_IMAGE ? (int64_t)c->in_n : stat(c->path, &st) == 0 ? st.st_size : 0;
	return confine_limits_for(n, (double)n * MEMORY_FACTOR + MEMORY_MORE);
}

/* The end of its child, which may wait for the next call: it sees the socket shut, which closing does not do where
 * another child was started meanwhile and has the end, too. (Without that both waited, when a read failed here.) True:
 * the child was told to end. */
static bool end_child(h5_worker *w, fault *e)
{
	shutdown(w->socket, SHUT_RDWR);
	close(w->socket);
	w->socket = -1;
	const bool told = confine_end(w->child, e);
	w->child = NULL;
	return told;
}

static bool start(h5_worker *w, h5_call *first, fault *e)
{
	int fd[2];
	const confine_limits l = limits_of(first);
	if (!descriptor_pair(fd))
		return fault_set(e, "%s: " FAULT_NOW ": no process for it: %s", first->path, strerror(errno));
	job j = {.first = first, .mine = fd[1], .theirs = fd[0]};
	w->child = confine_start(first->path, serve, &j, &l, e);
	close(fd[1]);
	w->socket = fd[0];
	char begun;
	if (w->child && confine_take(w->child, &begun, 1))
		return true;
	if (w->child && end_child(w, e))
		fault_at(e, first->path, FAULT_NOW ": its reader is not heard");
	return false;
}

h5_worker *h5_worker_new(h5_call *first, fault *e)
{
	h5_worker *w = mem_zero(1, sizeof *w, e);
	if (!w)
		return NULL;
	w->label = first->path;
	w->socket = -1;
	if (confine_within() ? (w->here = do_first(first, e)) != NULL : start(w, first, e))
		return w;
	h5_worker_free(w);
	return NULL;
}

void h5_worker_free(h5_worker *w)
{
	if (!w)
		return;
	hdf_close(w->here);
	confine_stop(w->child);
	if (w->socket >= 0)
		close(w->socket);
	free(w);
}

static bool ask(h5_worker *w, const h5_call *c)
{
	const char *path = c->path ? c->path : "", *name = c->name ? c->name : "";
	request r;
	memset(&r, 0, sizeof r);                     /* its padding goes through the socket, too */
	r.call = *c;
	r.path_n = strlen(path) + 1;
	r.name_n = strlen(name) + 1;
	const struct iovec part[] = {{&r, sizeof r}, {(void *)(uintptr_t)c->in, c->in_n},
		{(void *)(uintptr_t)path, r.path_n}, {(void *)(uintptr_t)name, r.name_n}};
	return descriptor_send_parts(w->socket, part, COUNT(part));
}

void h5_info_tame(h5_info *i)
{
	i->s.rank = MAX(0, MIN(i->s.rank, RANK_MAX));
	i->type = MIN((unsigned)i->type, (unsigned)H5_OTHER);
}

/* The answer is of a process that a file may have taken over: only what the call says is taken, and it is checked. */
static bool take_result(confine *child, h5_call *c, bool *there, fault *e)
{
	h5_call back;
	if (!confine_take(child, &back, sizeof back))
		return *there = false;
	c->n = back.n;
	c->whole = back.whole;
	c->number = back.number;
	c->info = back.info;
	h5_info_tame(&c->info);
	c->made_n = back.made_n;
	if (c->out_n && !confine_take(child, c->out, c->out_n))
		return *there = false;
	if (c->op != H5_OP_TEXT && c->op != H5_OP_LIST && c->op != H5_OP_WALK && c->op != H5_OP_TEXTS
	    && c->op != H5_OP_FINISH)
		return true;
	char *made = c->made_n < SIZE_MAX ? mem_new(c->made_n + 1, 1, e) : NULL;
	c->made = made;
	if (!made)
		return *there = false;
	made[c->made_n] = '\0';
	*there = confine_take(child, made, c->made_n);
	if (!*there) {
		free(made);
		c->made = NULL;
	}
	return *there;
}

/* The child is gone: why is remembered, for it is asked once. */
static bool end(h5_worker *w, fault *e)
{
	w->why = (fault){.text = ""};
	w->over = true;
	if (end_child(w, &w->why))                   /* what it was asked did not reach it whole, or its answer us */
		fault_at(&w->why, w->label, FAULT_NOW ": its reader does not hear");
	return fault_take(e, &w->why);
}

static bool receive(h5_worker *w, h5_call *c, fault *e)
{
	char good = 0;
	bool there = true;
	fault why;
	if (!confine_take(w->child, &good, 1))
		return end(w, e);
	if (good) {
		fault_set(&why, "%s", "");
		const bool ok = take_result(w->child, c, &there, &why);
		if (there || !why.text[0])
			return there ? ok : end(w, e);
		end(w, NULL);
		w->why = why;                        /* no memory here */
		return fault_take(e, &why);
	}
	return confine_take(w->child, &why, sizeof why) ? fault_take(e, &why) : end(w, e);
}

static h5_call next_ahead(h5_worker *w)
{
	const h5_call c = w->ahead[w->first];
	w->first = (w->first + 1) % H5_AHEAD;
	w->waiting--;
	return c;
}

static bool is_next(const h5_worker *w, const h5_call *c)
{
	const h5_call *a = &w->ahead[w->first];
	return w->waiting && a->op == c->op && a->count == c->count && strcmp(a->path, c->path) == 0;
}

/* Nobody asks for it any more. False with e set: the child is gone. */
static bool drop_ahead(h5_worker *w, fault *e)
{
	while (w->waiting && !w->over) {
		h5_call c = next_ahead(w);
		c.out = mem_new(c.out_n, 1, e);
		if (!c.out)
			return end(w, NULL), false;
		receive(w, &c, NULL);
		free(c.out);
	}
	return !w->over || fault_take(e, &w->why);
}

void h5_worker_ahead(h5_worker *w, const h5_call *c)
{
	if (w->here || w->over || w->waiting == H5_AHEAD)
		return;
	if (!ask(w, c)) {
		end(w, NULL);
		return;
	}
	w->ahead[(w->first + w->waiting++) % H5_AHEAD] = *c;
}

static bool do_there(h5_worker *w, h5_call *c, fault *e)
{
	confine_anew(w->child);
	if (is_next(w, c))
		next_ahead(w);
	else if (!drop_ahead(w, e))
		return false;
	else if (!ask(w, c))
		return end(w, e);
	return receive(w, c, e);
}

/* Who asks a question takes no answer for "no": so every later call fails. */
bool h5_worker_do(h5_worker *w, h5_call *c, fault *e)
{
	fault why = {.text = ""};
	if (w->over)
		return fault_take(e, &w->why);
	if (w->here ? do_call(w->here, c, &why) : do_there(w, c, &why))
		return true;
	if (is_question(c->op) && !w->over) {
		w->over = true;
		w->why = why;
	}
	return fault_take(e, &why);
}

bool h5_worker_answers(const h5_worker *w, fault *e)
{
	return !w->over || fault_take(e, &w->why);
}
