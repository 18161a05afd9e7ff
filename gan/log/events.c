/* events.c - the messages of event.proto, through protobuf-c, each in the frame of a record (record.h).
 *
 * Which field TensorBoard wants where: its plugins/{scalar,image,histogram,text,hparams}/metadata.py and
 * data_compat.py, which reads the older forms of a value that are written here. */
#include "gan/log/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/local.h"
#include "core/base/text.h"
#include "gan/log/event.pb-c.h"
#include "gan/log/histogram.h"
#include "gan/log/record.h"

enum { PATH_ROOM = 1200, HOST_ROOM = 64, DTYPE_STRING = 7, CLASS_TENSOR = 2 };

struct events {
	FILE *f;                                     /* own */
	char path[PATH_ROOM];
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one event ---- */

static bool put(events *v, const void *x, size_t n)
{
	return fwrite(x, 1, n, v->f) == n;
}

/* The event at this moment, as a record. */
static bool write_event(events *v, Event__Event *m, fault *e)
{
	uint8_t head[RECORD_HEAD], tail[RECORD_TAIL];
	m->has_wall_time = true;
	m->wall_time = now_s();
	const size_t n = event__event__get_packed_size(m);
	uint8_t *bytes = mem_new(n, 1, e);
	if (!bytes)
		return false;
	event__event__pack(m, bytes);
	record_frame(bytes, n, head, tail);
	const bool ok = put(v, head, sizeof head) && put(v, bytes, n) && put(v, tail, sizeof tail)
		&& fflush(v->f) == 0;
	free(bytes);
	return ok || fault_at(e, v->path, "cannot be written: %s", strerror(errno));
}

/* A step of 0 is left out, as in any event file. */
static Event__Event event_of(int64_t step)
{
	Event__Event m = EVENT__EVENT__INIT;
	m.has_step = step != 0;
	m.step = step;
	return m;
}

static bool write_values(events *v, int64_t step, size_t n, Event__Value **value, fault *e)
{
	Event__Event m = event_of(step);
	Event__Summary s = EVENT__SUMMARY__INIT;
	s.n_value = n;
	s.value = value;
	m.what_case = EVENT__EVENT__WHAT_SUMMARY;
	m.summary = &s;
	return write_event(v, &m, e);
}

static bool write_value(events *v, int64_t step, Event__Value *value, fault *e)
{
	return write_values(v, step, 1, &value, e);
}

/* protobuf-c's texts and bytes are not const, but only read when they are packed. */
static char *lent(const char *text)
{
	return (char *)text;
}

static ProtobufCBinaryData lent_bytes(const void *x, size_t n)
{
	return (ProtobufCBinaryData){n, (uint8_t *)x};
}

/* ---- the file ---- */

/* "host" as a part of a file's name. */
static void host_name(char name[HOST_ROOM])
{
	if (gethostname(name, HOST_ROOM) != 0)
		snprintf(name, HOST_ROOM, "host");
	name[HOST_ROOM - 1] = '\0';
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '-';
}

/* A name that no file has: two runs of one process may begin within a second. */
static int create(events *v, const char *dir, fault *e)
{
	enum { TRIES = 1000 };
	char host[HOST_ROOM];
	int fd = -1;
	host_name(host);
	for (int i = 0; i < TRIES && fd < 0; i++) {
		const int n = snprintf(v->path, sizeof v->path, "%s/" EVENTS_NAME "%010lld.%s.%ld.%d", dir,
			(long long)time(NULL), host, (long)getpid(), i);
		if (n >= (int)sizeof v->path)
			return fault_set(e, "%.200s...: the path is too long", dir), -1;
		fd = open(v->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		fault_at(e, v->path, "cannot be made: %s", strerror(errno));
	return fd;
}

static bool write_version(events *v, fault *e)
{
	Event__Event m = event_of(0);
	Event__SourceMetadata by = EVENT__SOURCE_METADATA__INIT;
	m.what_case = EVENT__EVENT__WHAT_FILE_VERSION;
	m.file_version = lent("brain.Event:2");
	m.source_metadata = &by;
	by.writer = lent("sagan");
	return write_event(v, &m, e);
}

/* A process that starts with this step makes void what files before this one say of it and of later ones
 * (TensorBoard's event_accumulator.py, _CheckForRestartAndMaybePurge). */
static bool write_start(events *v, int64_t step, fault *e)
{
	Event__Event m = event_of(step);
	Event__SessionLog log = EVENT__SESSION_LOG__INIT;
	m.what_case = EVENT__EVENT__WHAT_SESSION_LOG;
	m.session_log = &log;
	log.has_status = true;
	log.status = EVENT__SESSION_LOG__SESSION_STATUS__START;
	return write_event(v, &m, e);
}

events *events_open(const char *dir, int64_t step, fault *e)
{
	events *v = mem_zero(1, sizeof *v, e);
	const int fd = v ? create(v, dir, e) : -1;
	v = fd < 0 ? (free(v), NULL) : v;
	if (!v)
		return NULL;
	if (!(v->f = fdopen(fd, "wb"))) {
		fault_at(e, v->path, "cannot be written: %s", strerror(errno));
		close(fd);
		free(v);
		return NULL;
	}
	if (write_version(v, e) && write_start(v, step + 1, e))
		return v;
	events_close(v, NULL);
	return NULL;
}

bool events_close(events *v, fault *e)
{
	if (!v)
		return true;
	const bool ok = fclose(v->f) == 0 || fault_at(e, v->path, "cannot be written: %s", strerror(errno));
	free(v);
	return ok;
}

const char *events_path(const events *v)
{
	return v->path;
}

/* ---- values ---- */

bool events_scalars(events *v, int64_t step, int n, const event_scalar *row, fault *e)
{
	Event__Value *m = mem_new((size_t)n, sizeof *m, e), **at = m ? mem_new((size_t)n, sizeof *at, e) : NULL;
	for (int i = 0; at && i < n; i++) {
		event__value__init(&m[i]);
		m[i].tag = lent(row[i].tag);
		m[i].value_case = EVENT__VALUE__VALUE_SIMPLE_VALUE;
		m[i].simple_value = (float)row[i].x;
		at[i] = &m[i];
	}
	const bool ok = at && write_values(v, step, (size_t)n, at, e);
	free(at);
	free(m);
	return ok;
}

bool events_histogram(events *v, int64_t step, const char *tag, const real *x, int64_t n, fault *e)
{
	histogram h = histogram_of(x, n);
	Event__Histogram m = EVENT__HISTOGRAM__INIT;
	Event__Value value = EVENT__VALUE__INIT;
	if (h.num == 0)
		return true;
	m.has_min = m.has_max = m.has_num = m.has_sum = m.has_sum_squares = true;
	m.min = h.min;
	m.max = h.max;
	m.num = h.num;
	m.sum = h.sum;
	m.sum_squares = h.sum_squares;
	m.n_bucket_limit = m.n_bucket = (size_t)h.bins;
	m.bucket_limit = h.limit;
	m.bucket = h.count;
	value.tag = lent(tag);
	value.value_case = EVENT__VALUE__VALUE_HISTO;
	value.histo = &m;
	return write_value(v, step, &value, e);
}

/* The fields of a PNG's first chunk, which is always IHDR: width, height, bits, colour type (RFC 2083, 4.1.1). */
static bool read_png(const uint8_t *x, size_t n, Event__Image *m)
{
	static const uint8_t begin[] = {137, 'P', 'N', 'G', '\r', '\n', 26, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
	enum { WIDTH = 16, HEIGHT = 20, TYPE = 25, END = 33 };
	static const int channels[] = {[0] = 1, [2] = 3, [3] = 3, [4] = 2, [6] = 4};
	if (n < END || memcmp(x, begin, sizeof begin) != 0 || x[TYPE] >= COUNT(channels))
		return false;
	for (int i = 0; i < 4; i++) {
		m->width = (int32_t)((uint32_t)m->width << 8 | x[WIDTH + i]);
		m->height = (int32_t)((uint32_t)m->height << 8 | x[HEIGHT + i]);
	}
	m->colorspace = channels[x[TYPE]];
	m->has_width = m->has_height = m->has_colorspace = m->has_encoded_image_string = true;
	return true;
}

bool events_png(events *v, int64_t step, const char *tag, const void *png, size_t n, fault *e)
{
	Event__Image m = EVENT__IMAGE__INIT;
	Event__Value value = EVENT__VALUE__INIT;
	if (!read_png(png, n, &m))
		return fault_at(e, v->path, "%s: these bytes are no PNG", tag);
	m.encoded_image_string = lent_bytes(png, n);
	value.tag = lent(tag);
	value.value_case = EVENT__VALUE__VALUE_IMAGE;
	value.image = &m;
	return write_value(v, step, &value, e);
}

/* A value that a plugin of the page reads. */
static Event__SummaryMetadata metadata_of(Event__PluginData *plugin, const char *name)
{
	Event__SummaryMetadata m = EVENT__SUMMARY_METADATA__INIT;
	event__plugin_data__init(plugin);
	plugin->plugin_name = lent(name);
	m.plugin_data = plugin;
	return m;
}

bool events_text(events *v, int64_t step, const char *tag, const char *text, fault *e)
{
	Event__PluginData plugin;
	Event__SummaryMetadata about = metadata_of(&plugin, "text");
	Event__Tensor t = EVENT__TENSOR__INIT;
	Event__TensorShape s = EVENT__TENSOR_SHAPE__INIT;          /* one text: no axis */
	Event__Value value = EVENT__VALUE__INIT;
	char *plain = text_plain_new(text, '\n', e);
	if (!plain)
		return false;
	ProtobufCBinaryData bytes = lent_bytes(plain, strlen(plain));
	about.has_data_class = t.has_dtype = true;
	about.data_class = CLASS_TENSOR;
	t.dtype = DTYPE_STRING;
	t.tensor_shape = &s;
	t.n_string_val = 1;
	t.string_val = &bytes;
	value.tag = lent(tag);
	value.metadata = &about;
	value.value_case = EVENT__VALUE__VALUE_TENSOR;
	value.tensor = &t;
	const bool ok = write_value(v, step, &value, e);
	free(plain);
	return ok;
}

/* ---- settings ---- */

/* The page finds them in the tag's metadata; there is no value. */
static bool write_hparams(events *v, const char *tag, const Event__HParamsPluginData *m, fault *e)
{
	Event__PluginData plugin;
	Event__SummaryMetadata about = metadata_of(&plugin, "hparams");
	Event__Value value = EVENT__VALUE__INIT;
	const size_t n = event__hparams_plugin_data__get_packed_size(m);
	uint8_t *bytes = mem_new(n, 1, e);
	if (!bytes)
		return false;
	event__hparams_plugin_data__pack(m, bytes);
	plugin.has_content = true;
	plugin.content = lent_bytes(bytes, n);
	value.tag = lent(tag);
	value.metadata = &about;
	const bool ok = write_value(v, 0, &value, e);
	free(bytes);
	return ok;
}

static void put_setting(Event__SettingEntry *entry, Event__Setting *to, const event_setting *from)
{
	event__setting_entry__init(entry);
	event__setting__init(to);
	entry->key = lent(from->name);
	entry->value = to;
	switch (from->kind) {
	case SETTING_NUMBER:
		to->kind_case = EVENT__SETTING__KIND_NUMBER_VALUE;
		to->number_value = from->number;
		break;
	case SETTING_BOOL:
		to->kind_case = EVENT__SETTING__KIND_BOOL_VALUE;
		to->bool_value = from->number != 0;
		break;
	case SETTING_TEXT:
		to->kind_case = EVENT__SETTING__KIND_STRING_VALUE;
		to->string_value = lent(from->text);
		break;
	}
}

bool events_begin(events *v, int n, const event_setting *row, fault *e)
{
	Event__HParamsPluginData m = EVENT__HPARAMS_PLUGIN_DATA__INIT;
	Event__SessionStartInfo s = EVENT__SESSION_START_INFO__INIT;
	struct setting {
		Event__SettingEntry entry;
		Event__Setting value;
	} *x = mem_new((size_t)n, sizeof *x, e);
	Event__SettingEntry **at = x ? mem_new((size_t)n, sizeof *at, e) : NULL;
	for (int i = 0; at && i < n; i++) {
		put_setting(&x[i].entry, &x[i].value, &row[i]);
		at[i] = &x[i].entry;
	}
	s.n_hparams = (size_t)n;
	s.hparams = at;
	s.has_start_time_secs = true;
	s.start_time_secs = now_s();
	m.data_case = EVENT__HPARAMS_PLUGIN_DATA__DATA_SESSION_START_INFO;
	m.session_start_info = &s;
	const bool ok = at && write_hparams(v, "_hparams_/session_start_info", &m, e);
	free(at);
	free(x);
	return ok;
}

bool events_end(events *v, enum event_end how, fault *e)
{
	Event__HParamsPluginData m = EVENT__HPARAMS_PLUGIN_DATA__INIT;
	Event__SessionEndInfo s = EVENT__SESSION_END_INFO__INIT;
	s.has_status = s.has_end_time_secs = true;
	s.status = how == EVENT_SUCCESS ? EVENT__SESSION_END_INFO__STATUS__SUCCESS
		: EVENT__SESSION_END_INFO__STATUS__FAILURE;
	s.end_time_secs = now_s();
	m.data_case = EVENT__HPARAMS_PLUGIN_DATA__DATA_SESSION_END_INFO;
	m.session_end_info = &s;
	return write_hparams(v, "_hparams_/session_end_info", &m, e);
}
