/* kinds.c - what a file is that is none of Keras. */
#include "gan/keras/file/kinds.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/local.h"

enum { HEAD = 512 };

/* The beginning of a file, zeros behind it. */
typedef struct head {
	const char *path;
	size_t n;
	unsigned char byte[HEAD];
} head;

static bool begins(const head *h, size_t at, const char *with)
{
	return at + strlen(with) <= h->n && !memcmp(h->byte + at, with, strlen(with));
}

static bool named(const head *h, const char *ending)
{
	return name_ends(h->path, ending);
}

/* The name of the first member of a zip ends so: local header, length of the name at 26, the name at 30. */
static bool first_member_ends(const head *h, const char *with)
{
	const size_t n = h->byte[26] + 256u * h->byte[27], k = strlen(with);
	return begins(h, 0, "PK\003\004") && n >= k && 30 + n <= h->n && !memcmp(h->byte + 30 + n - k, with, k);
}

/* Zip archives with a data.pkl since PyTorch 1.6, pickles before. */
static bool is_torch(const head *h)
{
	return first_member_ends(h, "data.pkl") || begins(h, 0, "\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.");
}

static bool is_npz(const head *h)
{
	return first_member_ends(h, ".npy") || begins(h, 0, "\x93NUMPY");
}

static bool is_pickle(const head *h)
{
	return h->n > 2 && h->byte[0] == 0x80 && h->byte[1] >= 2 && h->byte[1] <= 5;
}

/* The length of the JSON as 8 bytes, and the JSON. */
static bool is_safetensors(const head *h)
{
	return h->n > 9 && h->byte[6] == 0 && h->byte[7] == 0 && h->byte[8] == '{' && h->byte[9] == '"';
}

static bool is_tflite(const head *h)
{
	return begins(h, 4, "TFL3");
}

/* Protocol buffers: field 1, a version below 64; then another field of ModelProto with a length. */
static bool is_onnx(const head *h)
{
	const bool fields = h->n > 3 && h->byte[0] == 0x08 && h->byte[1] < 64
		&& (h->byte[2] == 0x12 || h->byte[2] == 0x3a || h->byte[2] == 0x42);
	return fields || named(h, ".onnx");
}

static bool is_graph(const head *h)
{
	return named(h, ".pb");
}

static bool is_checkpoint(const head *h)
{
	return named(h, ".index") || named(h, ".data-00000-of-00001") || begins(h, 0, "model_checkpoint_path:");
}

static bool is_json(const head *h)
{
	size_t i = strspn((const char *)h->byte, " \t\r\n");
	return i < h->n && h->byte[i] == '{';
}

/* Written beside the files by save_weights of Keras 3 with max_shard_size. */
static bool is_index(const head *h)
{
	return is_json(h) && (named(h, ".weights.json") || strstr((const char *)h->byte, "\"weight_map\":"));
}

#define SAVE "load the network in Keras and save it as a .keras file"
#define FILL "build the network in Keras, put the weights into it, and save it as a .keras file"
#define OLD "in Keras 2 or tf-keras, and save it as a .keras file"

static const struct {
	bool (*is)(const head *h);
	const char *what;
} kinds[] = {
	{is_torch, "a file of PyTorch, which is not read: " FILL},
	{is_safetensors, "safetensors, which is not read: " FILL},
	{is_npz, "arrays of NumPy, no network: " FILL},
	{is_pickle, "a pickle of Python, which is not read: " SAVE},
	{is_tflite, "TensorFlow Lite, which is not read: save the network that it was made from as a .keras file"},
	{is_checkpoint, "part of a checkpoint of TensorFlow, which is not read: build the network, load_weights " OLD},
	{is_graph, "a graph of TensorFlow, which is not read: load its folder " OLD},
	{is_onnx, "a file of ONNX, which is not read: " SAVE},
	{is_index, "the index of weights in several files, which are not read: save them as one .weights.h5"},
	{is_json, "the JSON of a network, without weights: give the file of its weights, and this one as --model"},
};

static bool is_saved_model(const char *folder)
{
	char path[4096];
	struct stat st;
	return snprintf(path, sizeof path, "%s/saved_model.pb", folder) < (int)sizeof path && stat(path, &st) == 0;
}

static void read_head(const char *path, head *h)
{
	FILE *f = file_open_read(path, NULL);
	*h = (head){.path = path};
	if (f) {
		h->n = fread(h->byte, 1, sizeof h->byte - 1, f);
		fclose(f);
	}
}

bool kinds_is_json(const char *path)
{
	head h;
	read_head(path, &h);
	return is_json(&h);
}

/* A checkpoint of TensorFlow is called by the beginning of its files' names. */
static bool is_prefix(const char *path)
{
	char index[4096];
	struct stat st;
	return snprintf(index, sizeof index, "%s.index", path) < (int)sizeof index && stat(index, &st) == 0;
}

bool kinds_may_be_keras(const char *path, fault *e)
{
	struct stat st;
	head h;
	if (stat(path, &st) != 0)
		return !is_prefix(path) || fault_set(e, "%s: a checkpoint of TensorFlow, which is not read: build the "
			"network, load_weights " OLD, path);
	if (S_ISDIR(st.st_mode))
		return fault_set(e, "%s: %s", path, !is_saved_model(path) ? "a folder, not a regular file"
			: "a SavedModel folder of TensorFlow, which is not read: load it " OLD);
	if (!S_ISREG(st.st_mode))
		return true;                         /* not ours to read from: the reader refuses it */
	read_head(path, &h);
	for (int i = 0; i < COUNT(kinds); i++)
		if (kinds[i].is(&h))
			return fault_set(e, "%s: %s", path, kinds[i].what);
	return true;
}
