/* fuzz_json.c - the JSON of a Keras model. What is read is written and read again. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/model/json.h"
#include "tests/fuzz/targets.h"

void fuzz_json(const uint8_t *x, size_t n)
{
	fault e = {.text = ""};
	keras_model *m = keras_from_json((const char *)x, n, &e), *again = NULL;
	fuzz_told(m != NULL, &e);
	char *text = m ? keras_json(m, KERAS_WRAP_H5, &e) : NULL;
	fuzz_told(!m || text, &e);           /* not all that is read can be written */
	if (text)
		must((again = keras_from_json(text, strlen(text), &e)) != NULL, "%s: %s", e.text, text);
	free(text);
	keras_model_free(again);
	keras_model_free(m);
}
