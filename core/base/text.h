/* text.h - texts of somebody else (names in files, names of files, messages of libraries), made fit for where they go.
 *
 * One rule says what may be shown at all: text_harmless. text_plain (base.h) makes a text so, in place; data sets,
 * checkpoints and messages do that with what they read. What a medium adds to the rule stands here, too: a page or a
 * drawing has marks, a script ends at "</script>", a table has commas and formulas. TensorBoard's and PNG's texts and
 * JSON (json.h) need nothing but that rule: it leaves UTF-8. */
#ifndef SAGAN_CORE_BASE_TEXT_H
#define SAGAN_CORE_BASE_TEXT_H

#include "core/base/base.h"

/* Bytes of the character at p, 1 to 4, and which one it is; 0, and *code stays: it is not UTF-8. */
int text_decode(const char *p, uint32_t *code);
/* The same; 0 also where it would do something instead of being seen: a control character, by which a terminal is
 * steered; U+202E and its like, by which a name reads from the right; an end of line or paragraph; an invisible copy
 * of ASCII; none at all (U+FFFE). */
int text_harmless(const char *p);

/* A decimal number that is the whole text: no blanks, inf, nan or hexadecimal, and nothing that becomes infinite or 0
 * only because a double has no room for it. False: it is none. */
bool text_real(const char *s, double *x);
bool text_count(const char *s, int64_t *x);          /* a whole one */

/* Bytes of the first characters of s, at most `most` of them; *n is how many they are: columns of a table. */
int text_first(const char *s, int most, int *n);

/* A copy that text_plain has gone over. new/free: free(). NULL with e set: no memory. */
char *text_plain_new(const char *s, char keep, fault *e);

/* The same by value, for a line to people, as in shape_print: cut to what a line holds, which "..." says. */
enum { TEXT_SHOWN = 1024 };
typedef struct text_shown {
	char s[TEXT_SHOWN];
} text_shown;
text_shown text_show(const char *s);

/* For HTML, XML and SVG, between tags and in quotes: what stands for a character that means something there, or NULL.
 * */
const char *text_markup(char c);

/* The same for JSON in a script element of a page, where no "<" may be: `</script>` would end it, `<!--` change how
 * it is read. In JSON it only stands in texts, where it may be written so. */
const char *text_script(char c);

/* A cell of a CSV file into buf: as it is, or in quotes where it has commas, quotes or spaces; what a spreadsheet would
 * take for a formula (= + - @ at its beginning) gets an apostrophe before it. Returns buf. */
char *text_cell(const char *s, char *buf, size_t size);

/* A path as bash, ksh and zsh read it, into buf: in quotes where needed, with numbers for what must not be shown,
 * behind "./" where it would be an option. Four times its bytes and six more hold any. Returns buf. */
char *text_shell(const char *s, char *buf, size_t size);
/* What stands between double quotes in Python for a text or a path, into buf; `f`: in an f-string. Six times its bytes
 * and eleven more hold any. Returns buf. */
char *text_python(const char *s, bool f, char *buf, size_t size);

#endif
