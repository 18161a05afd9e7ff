/* h5_call.h - a call of h5.h as a record: it is carried out by another process, or by this one. */
#ifndef SAGAN_CORE_H5_H5_CALL_H
#define SAGAN_CORE_H5_H5_CALL_H

#include "core/h5/h5.h"

/* OPEN to CREATE_AT begin; the others are of a file that has begun. */
enum h5_op {
	H5_OP_OPEN, H5_OP_OPEN_IMAGE, H5_OP_CREATE, H5_OP_CREATE_AT, H5_OP_FINISH,
	H5_OP_EXISTS, H5_OP_GROUP, H5_OP_LIST, H5_OP_WALK, H5_OP_STAT,
	H5_OP_READ_REAL, H5_OP_READ_F64, H5_OP_READ_I64, H5_OP_ROWS_U8, H5_OP_ROWS_REAL, H5_OP_ROWS_F64,
	H5_OP_WRITE_F32, H5_OP_WRITE_I32, H5_OP_WRITE_F16, H5_OP_WRITE_REAL, H5_OP_WRITE_F64, H5_OP_WRITE_U8,
	H5_OP_WRITE_I64,
	H5_OP_NEW_ROWS_U8, H5_OP_NEW_ROWS_F32, H5_OP_NEW_ROWS_I32, H5_OP_FILL_U8, H5_OP_FILL_REAL,
	H5_OP_TEXT, H5_OP_I64, H5_OP_F64, H5_OP_TEXTS, H5_OP_HAS, H5_OP_KIND,
	H5_OP_WRITE_TEXT, H5_OP_WRITE_ASCII, H5_OP_WRITE_TEXTS, H5_OP_WRITE_ONE_I64, H5_OP_WRITE_ONE_F64,
	H5_OPS
};

/* What is a number goes to the other process and back; what a pointer leads to, one way. */
typedef struct h5_call {
	enum h5_op op;
	shape s;
	int64_t lo, n, count;                        /* rows from lo on, n of them; elements */
	int64_t whole;                               /* an attribute; whether there is one; its kind */
	double number;
	h5_info info;                                /* back */
	const char *path, *name;                     /* there; _CREATE_AT: label, where */
	const void *in;                              /* there: [in_n] bytes, numbers or texts that end with 0 */
	size_t in_n;
	void *out;                                   /* back: the caller's, [out_n] bytes */
	size_t out_n;
	void *made;                                  /* back: new/free, [made_n] bytes and a 0; n texts; _WALK: n times
	                                              * an h5_info and a text */
	size_t made_n;
} h5_call;

/* A file of this or another process. new/free (h5_worker_free). The first call opens or creates it; its path is kept.
 * The library dies of some damaged files, and of a lack of memory, whatever its caller checks: so another process runs
 * it, one for each file, with limits while it reads. Where this process is such a child itself, it runs it. NULL with e
 * set. */
typedef struct h5_worker h5_worker;
h5_worker *h5_worker_new(h5_call *first, fault *e);
void h5_worker_free(h5_worker *w);                   /* NULL allowed */

/* False with e set; all calls fail after one of which the process died, and after a question ("is there a ..") that
 * could not be answered for want of memory or of a disk that works. */
bool h5_worker_do(h5_worker *w, h5_call *c, fault *e);
bool h5_worker_answers(const h5_worker *w, fault *e);        /* false with e set: after such a one */
/* What another process says of a data set, made fit to be used as an index. */
void h5_info_tame(h5_info *i);
/* The n texts, or of _WALK the n members, that c->made holds; fewer where it ends before. Wrong when it cannot hold so
 * many. */
bool h5_answer_names(const h5_call *c, h5_names *out, fault *e);
bool h5_answer_members(const h5_call *c, h5_tree *out, fault *e);
/* A read is asked for before it is done by h5_worker_do; see h5_ahead_real. */
void h5_worker_ahead(h5_worker *w, const h5_call *c);

#endif
