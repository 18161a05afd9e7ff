/* stop.c - see stop.h. Everything in a handler is async-signal-safe (signal-safety(7)). */
#include "tools/stop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/local.h"

volatile sig_atomic_t stop_asked;

/* SIGUSR1 is what schedulers of clusters send before time is over, and mpirun hands it on where of the others it makes
 * an end (docs/scaling.md). */
static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

static volatile sig_atomic_t step_under_way, silent;
static volatile sig_atomic_t heard[COUNT(SIGNALS)];          /* nohup ignores SIGHUP: such a signal stays ignored */

/* printf is not allowed in a handler. Returns the end of the text. */
static char *put_text(char *to, const char *text)
{
	const size_t n = strlen(text);
	memcpy(to, text, n);
	return to + n;
}

static char *put_number(char *to, long n)
{
	char digit[24];
	int k = 0;
	do
		digit[k++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (k > 0)
		*to++ = digit[--k];
	return to;
}

static void on_signal(int number)
{
	const int before = errno;
	char text[128], *end = put_text(text, "\nfinishing step ");
	end = put_text(put_number(end, step_under_way), " and saving; again to stop at once\n");
	for (int i = 0; i < COUNT(SIGNALS); i++)
		if (heard[i])
			signal(SIGNALS[i], SIG_DFL);
	stop_asked = number;
	if (!silent && write(STDERR_FILENO, text, (size_t)(end - text)) < 0)
		errno = 0;                           /* nowhere to say it: the run stops all the same */
	errno = before;
}

void stop_on_signals(bool told)
{
	silent = !told;
	struct sigaction a = {.sa_handler = on_signal}, old;
	sigemptyset(&a.sa_mask);
	for (int i = 0; i < COUNT(SIGNALS); i++) {
		heard[i] = sigaction(SIGNALS[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN;
		if (heard[i])
			sigaction(SIGNALS[i], &a, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

void stop_step(int64_t under_way)
{
	step_under_way = (sig_atomic_t)under_way;
}

void stop_if_unread(void)
{
	errno = 0;
	if (fflush(stdout) != 0 && errno == EPIPE && !stop_asked)
		stop_asked = SIGPIPE;
}
