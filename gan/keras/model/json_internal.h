/* json_internal.h - what the files of the JSON reader share: through jansson. */
#ifndef SAGAN_GAN_KERAS_MODEL_JSON_INTERNAL_H
#define SAGAN_GAN_KERAS_MODEL_JSON_INTERNAL_H

#include "gan/keras/model/json.h"

#include "core/base/json.h"

/* The string under a key, or NULL. Borrows. */
const char *keras_entry_text(const json_t *object, const char *key);

/* The class of a layer or model, with its package where it is not Keras' own. False: it has none, or too long a one. */
bool keras_entry_class(const json_t *layer, char out[KERAS_NAME]);

/* ---- json_python.c ---- */

#define KERAS_INFINITY "Infinity"

/* text[0..n) as JSON: Infinity, -Infinity and NaN of Python become texts. new/free; *plain bytes. */
char *keras_plain_json(const char *text, size_t n, size_t *plain, fault *e);

/* ---- json_calls.c ---- */

/* One call of a layer: what it takes. */
enum { CALLS_CONSTANTS = 4 };
typedef struct calls {
	const char *model, *who, *class_name;        /* borrow: "gen.", "fc" in messages, and its class */
	/* gets ["name", node, result, ..] of each tensor in turn */
	bool (*result)(void *ctx, const json_t *triple);
	void *ctx;
	int constants;
	struct {
		const char *name;                    /* as a setting */
		const json_t *x;                     /* borrow */
	} constant[CALLS_CONSTANTS];
	fault *e;
} calls;

/* Reads the node of a call, of Keras 2 or 3. False with e set, also when `result` says so. */
bool keras_read_call(calls *c, const json_t *node);

/* The class of operation that a function of TensorFlow is ("math.add": "ops>Add"), or NULL. */
const char *keras_op_class(const char *function);

/* Whether a layer of the text without a module is an operation of Keras 3. */
bool keras_is_op(const json_t *layer, const char *class_name);

/* ---- json_settings.c ---- */

/* Gives layer `at` of m the settings of its config, or one setting. Errors: json.h. */
bool keras_read_settings(keras_model *m, int at, const json_t *config, fault *e);
bool keras_read_setting(keras_model *m, int at, const char *key, const json_t *x, fault *e);

#endif
