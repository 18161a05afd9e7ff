/* screen.c - see screen.h. */
#include "tools/screen.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/local.h"
#include "tools/command.h"
#include "tools/stop.h"

enum { LINE_MAX_BYTES = 1024 };

/* A terminal that cannot move its cursor gets lines as a file does. */
screen screen_new(bool quiet)
{
	const char *kind = getenv("TERM");
	return (screen){.quiet = quiet, .is_terminal = isatty(STDOUT_FILENO) && (!kind || strcmp(kind, "dumb") != 0)};
}

int screen_columns(int fd)
{
	struct winsize w;
	return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

void screen_close(screen *s)
{
	if (s->is_open)
		putchar('\n');
	s->is_open = false;
}

void screen_note(void *ctx, enum run_note kind, const char *text)
{
	screen *s = ctx;
	if (s->quiet && kind != NOTE_WARNING)
		return;
	screen_close(s);
	printf("%s%s\n", kind == NOTE_WARNING ? "warning: " : "", text);
	stop_if_unread();
}

/* A field goes to the line, whole or not at all. */
typedef struct line {
	char *buf;
	size_t n, room;
	bool full;
} line;

static void field(line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void field(line *l, const char *fmt, ...)
{
	char text[128];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	const size_t gap = l->n ? 2 : 0, n = strlen(text);
	l->full = l->full || l->n + gap + n > l->room;
	if (l->full)
		return;
	memcpy(l->buf + l->n, "  ", gap);
	memcpy(l->buf + l->n + gap, text, n + 1);
	l->n += gap + n;
}

/* "G14" of "generator/attention14": whose gate, and of which map. */
static const char *gate_of(const char *name, char *buf, size_t size)
{
	const char *map = name + strlen(name);
	while (map > name && isdigit((unsigned char)map[-1]))
		map--;
	snprintf(buf, size, "%c%s", toupper((unsigned char)name[0]), map);
	return buf;
}

/* The line of a report with its step: the fields that fit into `room` columns, the more important ones first. Returns
 * buf. */
static char *line_of(const run_progress *p, int64_t step, int room, char *buf, size_t size)
{
	const step_stats *m = &p->mean;
	line l = {.buf = buf, .room = MIN((size_t)room, size - 1)};
	char eta[32], gate[32];
	buf[0] = '\0';
	field(&l, "step %lld/%lld", (long long)step, (long long)p->steps);
	if (l.full) {                                /* the least that there is to say */
		l.full = false;
		field(&l, "%lld", (long long)step);
		return buf;
	}
	if (m->step == 0)
		return buf;
	field(&l, "%s left", print_time(MAX(p->eta_s - (double)(step - m->step) * p->step_s, 0), eta, sizeof eta));
	field(&l, "D %.3f", m->d_loss);
	field(&l, "G %.3f", m->g_loss);
	if (p->score_name)
		field(&l, "%s %.3g", p->score_name, p->score);
	field(&l, "%.0f img/s", p->images_per_s);
	field(&l, "D(real) %+.2f", m->d_real);
	field(&l, "D(fake) %+.2f", m->d_fake);
	field(&l, "epoch %.2f", p->epoch);
	for (int i = 0; i < m->gammas; i++)
		field(&l, "%s%s %+.3f", i ? "" : "gamma ", gate_of(m->gamma[i].name, gate, sizeof gate),
			m->gamma[i].value);
	return buf;
}

/* A live line must not wrap, or it cannot be written over; \033[K clears the rest of an older one. */
static void paint(screen *s, int64_t step)
{
	char text[LINE_MAX_BYTES];
	printf("\r%s\033[K", line_of(&s->last, step, screen_columns(STDOUT_FILENO) - 1, text, sizeof text));
	s->is_open = true;
	s->painted = clock_s();
	stop_if_unread();
}

void screen_progress(void *ctx, const run_progress *p)
{
	screen *s = ctx;
	char text[LINE_MAX_BYTES];
	s->last = *p;
	if (s->quiet)
		return;
	if (s->is_terminal) {
		paint(s, p->mean.step);
		return;
	}
	puts(line_of(p, p->mean.step, sizeof text - 1, text, sizeof text));
	stop_if_unread();
}

void screen_step(void *ctx, int64_t step, int64_t steps)
{
	screen *s = ctx;
	stop_step(step + 1);
	s->last.steps = steps;
	if (s->is_terminal && !s->quiet && clock_s() - s->painted >= 1)
		paint(s, step);
}
