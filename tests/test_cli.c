/* test_cli.c - the program as a person meets it: exit status, messages, what help says. SAGAN names the
 * program (make test sets it); build/sagan otherwise. */
#define _XOPEN_SOURCE 700                            /* posix_openpt */
#include <check.h>
#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/base.h"
#include "core/base/file.h"
#include "core/base/level.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "data/dataset.h"
#include "gan/config/config.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/suite.h"

/* A config in the folder of the test. */
static const char *make_config(const char *text)
{
	const char *path = scratch_at("run.yaml");
	file_store(path, text, strlen(text));
	return path;
}

/* 28x28 digits of the repository, four channels a head: a step takes milliseconds. */
static const char SMALL[] =
	"name: small\nsteps: 6\nbatch: 4\ndata: {path: data/mnist, split: test, limit: 40}\n"
	"model: {network: resnet28, g_channels: 8, d_channels: 8}\n"
	"train: {log_every: 2, sample_every: 0, sample_count: 10, checkpoint_every: 0, threads: 2}\n";

/* ---- messages and exit status ---- */

static const struct {
	const char *arguments;
	int status;
	const char *begins;
} ANSWERS[] = {
	{"", 2, "usage: sagan COMMAND"},
	{"--version", 0, "sagan "},
	{"--help", 0, "usage: sagan COMMAND"},
	{"trian x", 2, "sagan: trian: no such command; did you mean train?"},
	{"qqqq", 2, "sagan: qqqq: no such command; `sagan --help`"},
	{"train", 2, "sagan train: an argument is missing"},
	{"train a b", 2, "sagan train: b: one argument too many"},
	{"train --stesp 3 a", 2, "sagan train: --stesp: unknown option; did you mean --steps?"},
	{"train a --steps", 2, "sagan train: --steps: needs a value"},
	{"train a --steps -1", 2, "sagan train: --steps -1: must be a whole number from 0 to 1000000000"},
	{"train a --record 0", 2, "sagan train: --record 0: must be a whole number from 1 to 1000000"},
	{"train a --steps 3x", 2, "sagan train: --steps 3x: must be a whole number"},
	{"train a --threads 1000", 2, "sagan train: --threads 1000: must be a whole number from 1 to 256"},
	{"train a --max-time 3w", 2, "sagan train: --max-time 3w: must be a time like 90s, 30m, 2h or 1d"},
	{"train a --max-time 5", 2, "sagan train: --max-time 5: must be a time like 90s, 30m, 2h or 1d"},
	{"train a --max-time m", 2, "sagan train: --max-time m: must be a time"},
	{"train a --max-time -3", 2, "sagan train: --max-time -3: must be a time"},
	{"train a --fresh=1", 2, "sagan train: --fresh: takes no value"},
	{"train -x a", 2, "sagan train: -x: unknown option"},
	{"train a -x", 2, "sagan train: -x: unknown option"},
	{"train a -steps 3", 2, "sagan train: -steps: unknown option; did you mean --steps?"},
	{"sample -n3 a", 2, "sagan sample: -n3: unknown option"},
	{"sample a -n 3", 2, "sagan sample: -n: unknown option; did you mean --n?"},
	{"train configs/demo.yaml --set optim.lr_g=1e-999", 2, "sagan: command line: optim.lr_g = 1e-999: must be"},
	{"help", 0, "usage: sagan COMMAND"},
	{"help train", 0, "usage: sagan train "},
	{"help trian", 2, "sagan: trian: no such command; did you mean train?"},
	{"help train x", 2, "sagan: help: takes the name of one command"},
	{"train no/such.yaml", 1, "sagan: no/such.yaml: No such file or directory"},
	{"train configs/demo.yaml --set batch=0", 2, "sagan: command line: batch = 0: must be a whole number"},
	{"train configs/demo.yaml --set name='a b'", 2,
	 "sagan: command line: name = \"a b\": names a folder: no slashes"},
	{"train configs/demo.yaml --set data.path=no/such", 1, "sagan: command line: data.path = \"no/such\": "},
	{"train configs/demo.yaml --set batch=60001", 1,
	 "sagan: command line: batch = 60001: the data have 60000 images"},
	{"train configs/demo.yaml --set model.size=32", 1, "sagan: command line: model.size = 32: "},
	{"train configs/demo.yaml --out /dev/null/run", 1, "sagan: "},
	{"sample no/such", 1, "sagan: no/such"},
	{"sample configs/demo.yaml", 1, "sagan: configs/demo.yaml"},
	{"train ''", 2, "sagan train: an argument is empty"},
	{"sample x --out ''", 2, "sagan sample: --out: its value is empty"},
	{"info x --time --plan g", 2, "sagan info: --plan does not go with --time"},
	{"info --build x", 2, "sagan info: --build goes without x"},
	{"--version x", 2, "sagan: --version: takes no argument"},
	{"sample x --truncation 0", 2, "sagan sample: --truncation 0: must be a number from 0.01 to 100"},
	{"sample x --truncation 0.5,x", 2, "sagan sample: --truncation x: must be a number from 0.01 to 100, or"},
	{"sample x --truncation 0.5,", 2, "sagan sample: --truncation 0.5,: nothing stands on one side of a comma"},
	{"sample x --truncation 0x1", 2, "sagan sample: --truncation 0x1: must be a number from 0.01 to 100"},
	{"sample x --class 3,4", 2, "sagan sample: --class 3,4: several classes are a way; it goes with --interpolate"},
	{"sample x --class 3,", 2, "sagan sample: --class 3,: nothing stands on one side of a comma"},
	{"sample x --interpolate --class 3,,4", 2, "sagan sample: --class 3,,4: nothing stands on one side of a comma"},
	{"sample --from x --direction 2", 2, "sagan sample: --direction does not go with --from"},
	{"sample x --loop", 2, "sagan sample: --loop goes with --interpolate or --direction"},
	{"sample x --interpolate --direction 1", 2, "sagan sample: --interpolate, --direction and several truncations"},
	{"sample", 2, "sagan sample: an argument is missing"},
	{"sample x --from y", 2, "sagan sample: --from FILE takes the place of a run"},
	{"sample --from y --best", 2, "sagan sample: --best does not go with --from"},
	{"sample x --delay 50 --out y.png", 2, "sagan sample: --delay is of a moving picture: --out FILE.gif or"},
	{"sample x --out y.final", 1, "sagan: "},
	{"export x --html --onnx", 2, "sagan export: --html does not go with --onnx"},
	{"export x --html=y.txt", 1, "sagan: y.txt: pages are written as HTML; let the name end in .html"},
	{"export x --float32", 2, "sagan export: --float32 goes with --html"},
	{"report x --out y.txt", 1, "sagan: y.txt: pages are written as HTML; let the name end in .html"},
	{"evaluate no/such", 1, "sagan: no/such: No such file or directory"},
	{"evaluate no/such.h5 --against data/mnist --best", 1, "sagan: no/such.h5: No such file or directory"},
	{"sample no/such --best", 1, "sagan: no/such: No such file or directory"},
	{"attend no/such.h5 --best", 1, "sagan: no/such.h5: No such file or directory"},
	{"evaluate data/mnist --against data/mnist --raw", 1, "sagan: --raw is of a generator; data/mnist is a set of"},
	{"info x --markdown", 2, "sagan info: --markdown goes with --keys"},
	{"info --keys --plan g", 2, "sagan info: --plan does not go with --keys"},
	{"layers halo --sn", 2, "sagan layers: --sn goes with --input"},
	{"attend x --image y --seed 3", 2, "sagan attend: --seed does not go with --image"},
	{"sample --from no/such", 1, "sagan: no/such: No such file or directory"},
	{"sample --from README.md", 1, "sagan: README.md: not a readable HDF5 file"},
	{"attend", 2, "sagan attend: an argument is missing"},
	{"attend no/such", 1, "sagan: no/such"},
	{"attend x --net both", 2, "sagan attend: --net both: must be generator or discriminator"},
	{"attend x --image y --net generator", 2, "sagan attend: --image: only the discriminator looks at a picture"},
	{"attend x --pixel 3", 2, "sagan attend: --pixel 3: must be a row and a column, as 12,8"},
	{"attend x --pixel 3,-1", 2, "sagan attend: --pixel 3,-1: must be a row and a column"},
	{"attend x --mean --head 2", 2, "sagan attend: --mean does not go with --head"},
	{"attend x --out y.jpg", 1, "sagan: y.jpg: pictures are written as PNG"},
	{"import x --out y", 2, "sagan import: --config is missing"},
	{"import x --config y", 2, "sagan import: --out is missing"},
	{"import x --config y --out z --net both", 2, "sagan import: --net both: must be generator or discriminator"},
	{"import no/such --config configs/demo.yaml --set data.format=random --out /tmp/x.h5", 1,
	 "sagan: no/such: No such"},
	{"info", 2, "sagan info: an argument is missing"},
	{"info --keys qqqq", 1, "sagan: qqqq: no key begins so"},
	{"info tests/golden", 1, "sagan: "},
	{"layers", 0, "layer "},
	{"layers halo", 0, "halo: self-attention in blocks that see over their edges (arXiv 2103.12731)"},
	{"layers hallo", 1, "sagan: hallo: no such layer; did you mean halo?; `sagan layers` lists them"},
	{"layers halo --input 16x16", 2, "sagan layers: --input 16x16: must be HxWxC, as 16x16x128"},
	{"layers halo --input 16x16x128x", 2, "sagan layers: --input 16x16x128x: must be"},
	{"layers halo --input 16x16x128 --set heads=3", 1,
	 "sagan: halo: heads = 3: must divide the channels, 128; 1, 2, 4,"},
	{"layers halo --input 16x16x128 --set head=4", 2,
	 "sagan: command line: unknown argument head of halo, did you mean heads"},
	{"layers halo --input 14x14x64 --set block=4", 1,
	 "sagan: halo: block = 4: must divide the map's side, 14; 1, 2, 7, 14"},
	{"layers se --input 8x8x16 --set out=8", 1, "sagan: se: out = 8: the layer keeps its width, [1,8,8,16]"},
	{"layers mhsa --input 8x8x16 --set out=x", 2,
	 "sagan: command line: --set out=x: must be a width from 0 to 65536"},
	{"layers --input 16x16x128", 2, "sagan layers: name a layer"},
	{"layers halo --input 16x16x128 --set 'heads=4, block: 2'", 2,
	 "sagan: command line: --set heads=4, block: 2: must be KEY=VALUE, as heads=4"},
	{"layers halo --input 16x16x4097x", 2, "sagan layers: --input 16x16x4097x: must be"},
	{"layers halo --input 016x16x128", 0, "halo: "},
	{"bench --layers --only x", 2, "sagan bench: --only x: no such layer"},
	{"data no/such", 1, "sagan: no/such"},
	{"data x --background mauve", 2, "sagan data: --background mauve: "},
	{"data x --size 0", 2, "sagan data: --size 0: must be a side or HEIGHTxWIDTH in pixels, 1 to 16384, as"},
	{"data x --size 64x", 2, "sagan data: --size 64x: must be"},
	{"data x --size ' 64'", 2, "sagan data: --size  64: must be"},
	{"data x --size 64x-3", 2, "sagan data: --size 64x-3: must be"},
	{"data data/mnist --format jpg", 2, "sagan data: --format jpg: must be auto, idx"},
	{"data data/mnist --split valid", 2, "sagan data: --split valid: must be train, test or all"},
	{"data configs/demo.yaml", 1, "sagan: configs/demo.yaml"},
	{"bench no/such.yaml", 1, "sagan: no/such.yaml: "},
	{"info configs/demo.yaml > /dev/full", 1, "sagan: standard output could not be written"},
	{"info configs/demo.yaml >&-", 1, "sagan: standard output could not be written"},
	{"info configs/demo.yaml <&- >&-", 1, "sagan: standard output could not be written"},
};

START_TEST(answers_have_their_status_and_text)
{
	const answer a = sagan("%s", ANSWERS[_i].arguments);
	const char *begins = ANSWERS[_i].begins;
	/* The notes of a run come before its error. */
	const char *line = strncmp(begins, "sagan: ", 7) == 0 ? strstr(a.text, begins) : a.text;
	ck_assert_msg(line && strncmp(line, begins, strlen(begins)) == 0, "%s\nsaid: %s", ANSWERS[_i].arguments,
		a.text);
	ck_assert_msg(a.status == ANSWERS[_i].status, "%s: status %d", ANSWERS[_i].arguments, a.status);
	ck_assert(a.text[strlen(a.text) - 1] == '\n');
}
END_TEST

/* A level that this program does not know, or that this processor lacks, is refused before anything runs, with those
 * that there are; each of these runs. */
START_TEST(a_level_that_is_not_there_is_refused)
{
	static const char *const asked[] = {"", "v5", "V3", "v3 ", "v3", "v4"};
	char have[64] = "", line[160];
	for (int l = 0; l < LEVELS; l++)
		if (level_has(l)) {
			snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", l ? ", " : "", level_name(l));
			const answer a = command("SAGAN_LEVEL=%s %s --version", level_name(l), sagan_program());
			ck_assert_msg(a.status == 0 && strncmp(a.text, "sagan ", 6) == 0, "%s: %s", level_name(l),
				a.text);
		}
	for (int i = 0; i < COUNT(asked); i++) {
		if ((i == 4 && level_has(LEVEL_V3)) || (i == 5 && level_has(LEVEL_V4)))
			continue;
		const answer a = command("SAGAN_LEVEL='%s' %s --version", asked[i], sagan_program());
		snprintf(line, sizeof line, "sagan: SAGAN_LEVEL=%s: not a level of this processor, which has: %s\n",
			asked[i], have);
		ck_assert_msg(a.status == 1 && strcmp(a.text, line) == 0, "\"%s\": status %d: %s", asked[i], a.status,
			a.text);
	}
}
END_TEST

/* ---- a page ---- */

/* The name of the page may be left out, before the run and behind it; what is no name of a page is no name. */
START_TEST(a_page_has_a_name_of_its_own)
{
	const char *dir = scratch_folder();
	make_config(SMALL);
	ck_assert_int_eq(sagan("train %s/run.yaml --out %s/run --steps 2", dir, dir).status, 0);
	const answer own = sagan("export %s/run --html", dir);
	ck_assert_msg(own.status == 0 && strstr(own.text, "/run/generator.html: "), "%s", own.text);
	ck_assert(file_exists(scratch_at("run"), "generator.html"));
	remove(scratch_at("run/generator.html"));
	const answer first = sagan("export --html %s/run", dir);
	ck_assert_msg(first.status == 0 && file_exists(scratch_at("run"), "generator.html"), "%s", first.text);
	const answer given = sagan("export --html %s/a.html %s/run", dir, dir);
	ck_assert_msg(given.status == 0 && file_exists(dir, "a.html"), "%s", given.text);
	const answer joined = sagan("export %s/run --html=%s/b", dir, dir);
	ck_assert_msg(joined.status == 0 && file_exists(dir, "b"), "%s", joined.text);
	const answer wrong = sagan("export %s/run --html %s/c.txt", dir, dir);
	ck_assert_msg(wrong.status == 2 && strstr(wrong.text, "c.txt: one argument too many"), "%s", wrong.text);
}
END_TEST

START_TEST(a_way_of_convolution_that_is_not_there_is_refused)
{
	static const char *const right[] = {"fastest", "exact", "direct"};
	for (int i = 0; i < COUNT(right); i++)
		ck_assert_int_eq(command("SAGAN_CONV=%s %s --version", right[i], sagan_program()).status, 0);
	const answer a = command("SAGAN_CONV=Direct %s --version", sagan_program());
	const char *line = "sagan: SAGAN_CONV=Direct: must be fastest, exact or direct\n";
	ck_assert_msg(a.status == 1 && strcmp(a.text, line) == 0,
		"status %d: %s", a.status, a.text);
}
END_TEST

/* ---- files of Keras ---- */

/* Trained, exported, imported, exported: the same files; images from the file are those from the checkpoint. */
START_TEST(keras_files_go_round)
{
	static const char *const name[] = {"generator.h5", "generator.keras", "generator.weights.h5"};
	const char *dir = scratch_folder();
	make_config(SMALL);
	ck_assert_int_eq(sagan("train %s/run.yaml --out %s/run --steps 2 --set ema.bn_mode=running", dir, dir).status,
		0);
	ck_assert_int_eq(sagan("export %s/run --out %s/first", dir, dir).status, 0);
	const answer a = sagan("import %s/first/generator.keras --config %s/run.yaml --out %s/x.h5 "
		"--set ema.bn_mode=running", dir, dir, dir);
	ck_assert_msg(a.status == 0, "%s", a.text);
	ck_assert_int_eq(sagan("export %s/x.h5 --out %s/again", dir, dir).status, 0);
	for (int i = 0; i < COUNT(name) && sizeof(real) == 4; i++)
		ck_assert_msg(files_equal_in(scratch_at("first"), scratch_at("again"), name[i]), "%s differs", name[i]);
	ck_assert_int_eq(sagan("sample %s/run --n 20 --out %s/first/a.png", dir, dir).status, 0);
	const answer drawn = sagan("sample --from %s/first/generator.h5 --n 20 --out %s/again/a.png", dir, dir);
	ck_assert_int_eq(drawn.status, 0);
	ck_assert_msg(strstr(drawn.text, "range: -1..1, by the last activation, tanh\n"), "%s", drawn.text);
	/* No data are needed where the file tells the channels and the classes; then training takes any. */
	const answer none = sagan("import %s/first/generator.keras --config %s/run.yaml --set data.format=auto "
		"--set data.path=/nowhere --set model.channels=0 --set model.classes=0 "
		"--out %s/none/checkpoint-00000000.h5", dir, dir, dir);
	ck_assert_msg(none.status == 0, "%s", none.text);
	const answer on = sagan("train %s/run.yaml --out %s/none --steps 1 --set ema.bn_mode=running", dir, dir);
	ck_assert_msg(on.status == 0 && !strstr(on.text, "other data"), "%s", on.text);
	const answer weights = sagan("import %s/first/generator.weights.h5 --config %s/run.yaml --out %s/z.h5 "
		"--set data.format=auto --set data.path=/nowhere --set model.channels=0", dir, dir, dir);
	ck_assert_msg(weights.status == 1 && strstr(weights.text, "give model.channels and model.classes by --set"),
		"%s", weights.text);
	const answer b = sagan("import %s/first/generator.keras --config %s/run.yaml --set model.g_channels=16 "
		"--out %s/y.h5", dir, dir, dir);
	ck_assert_int_eq(b.status, 1);
	ck_assert_msg(strstr(b.text, "  Shape mismatch in layer #") && strstr(b.text, "more layers do not agree"),
		"%s", b.text);
	ck_assert(!file_exists(dir, "y.h5"));
	/* Training goes on after the step of --onto, which the name must say. */
	const answer named = sagan("import %s/first/generator.keras --config %s/run.yaml --set ema.bn_mode=running "
		"--onto %s/run/checkpoint-00000002.h5 --out %s/named/checkpoint-00000000.h5", dir, dir, dir, dir);
	ck_assert_msg(named.status == 1 && strstr(named.text, "holds step 2; must be called checkpoint-00000002.h5"),
		"%s", named.text);
	ck_assert(!file_exists(dir, "named"));
}
END_TEST

/* ---- samples ---- */

static const struct {
	const char *arguments, *says, *makes;
} OUTPUTS[] = {
	{"--n 100 --out %s/a.npz", "100 images of step 1: ", "a.npz"},
	{"--n 10 --out %s/B.NPZ", "10 images of step 1: ", "B.NPZ"},
	{"--n 20 --out %s/a.idx", "20 images of step 1: ", "a-labels.idx"},
	{"--n 70 --out %s/each/", "70 images of step 1: ", "each/000069.png"},
	{"--n 20 --columns 10 --interpolate --loop --class 3,7 --out %s/a.gif", "20 images of step 1: ", "a.gif"},
	{"--n 8 --direction 2 --out %s/a.webp", "8 images of step 1: ", "a.webp"},
	{"--n 9 --truncation 0.5,1,2 --out %s/ladder.png", "9 images of step 1: ", "ladder.png"},
	{"--n 10001 --latents %s/many.h5", "10001 images of step 1: ", "many.h5"},
	{"--n 20001 --out %s/no.png", "no.png: a picture shows at most 10000 images; DIR/, .npz, .h5 and .idx", NULL},
	{"--n 10 --columns 4 --out %s/no.gif", "no.gif: 10 images in rows of 4: a moving picture has a frame", NULL},
	{"--direction 200 --out %s/no.png", "--direction 200: this generator has 128, one for each number", NULL},
	{"--interpolate --class 3,12 --out %s/no.png", "--class 12: must be 0 to 9", NULL},
	{"--class 3 --n 3 --out %s/no.jpg", "no.jpg: pictures are written as PNG", NULL},
};

/* All that a request can become; and what cannot be made is said before anything is drawn or written. */
START_TEST(samples_become_what_they_are_called)
{
	char dir[300], text[512];
	snprintf(dir, sizeof dir, "%s", scratch_folder());
	const char *run = scratch_at("run");
	ck_assert_int_eq(sagan("train %s --out %s --steps 1", make_config(SMALL), run).status, 0);
	for (int i = 0; i < COUNT(OUTPUTS); i++) {
		const char *at = strstr(OUTPUTS[i].arguments, "%s");
		snprintf(text, sizeof text, "%.*s%s%s", (int)(at - OUTPUTS[i].arguments), OUTPUTS[i].arguments, dir,
			at + 2);
		const answer a = sagan("sample %s %s", run, text);
		ck_assert_msg(strstr(a.text, OUTPUTS[i].says), "%s: %s", text, a.text);
		ck_assert_int_eq(a.status, !OUTPUTS[i].makes);
		ck_assert_msg(!OUTPUTS[i].makes || file_exists(dir, OUTPUTS[i].makes), "%s", OUTPUTS[i].makes);
	}
	ck_assert(!file_exists(dir, "no.png") && !file_exists(dir, "no.gif"));
	/* A picture that is found later says what drew it. */
	size_t n;
	ck_assert_int_eq(sagan("sample %s --n 4 --seed 77 --out %s/said.png", run, dir).status, 0);
	char *bytes = file_bytes(scratch_at("said.png"), &n);
	ck_assert(bytes_hold(bytes, n, "sagan:config") && bytes_hold(bytes, n, "sagan:seed"));
	free(bytes);
}
END_TEST

/* With statistics of the batch an image alone is another one than among those of a sample. */
START_TEST(an_image_of_a_batch_is_told)
{
	static const char says[] = "ema.bn_mode = batch, so an image depends on those of its batch";
	const char *run = scratch_at("run"), *kind[] = {"batch", "running"};
	make_config(SMALL);
	for (int i = 0; i < COUNT(kind); i++) {
		ck_assert_int_eq(sagan("train %s --out %s --fresh --steps 1 --set ema.bn_mode=%s",
			scratch_at("run.yaml"), run, kind[i]).status, 0);
		const answer a = sagan("attend %s --out %s", run, scratch_at("a.png"));
		ck_assert_msg(a.status == 0 && (strstr(a.text, says) != NULL) == (i == 0), "%s: %s", kind[i], a.text);
		ck_assert(sagan("sample %s --n 1 --out %s", run, scratch_at("one.png")).status == 0);
		const answer d = sagan("attend %s --net discriminator --image %s --out %s", run, scratch_at("one.png"),
			scratch_at("a.png"));
		ck_assert_msg(d.status == 0 && !strstr(d.text, says), "%s: %s", kind[i], d.text);
	}
}
END_TEST

/* What goes to standard output is the same bytes as in a file: lines about them go elsewhere. */
START_TEST(standard_output_has_the_bytes_alone)
{
	char dir[300], line[1024];
	snprintf(dir, sizeof dir, "%s", scratch_folder());
	ck_assert_int_eq(sagan("train %s --out %s/run --steps 1 --set ema.bn_mode=running", make_config(SMALL), dir)
		.status, 0);
	static const struct {
		const char *arguments, *file;
	} row[] = {
		{"export %s/run --html=", "a.html"}, {"sample %s/run --n 4 --out ", "c.png"},
		{"sample %s/run --n 4 --out %s/b.png --latents ", "a.h5"}, {"attend %s/run --out ", "a.png"},
		{"report %s/run --out ", "b.html"},
	};
	ck_assert_int_eq(sagan("export %s/run --out %s/keras", dir, dir).status, 0);
	for (int i = 0; i <= COUNT(row); i++) {
		size_t n = 0;
		line[0] = '\0';
		for (const char *p = i < COUNT(row) ? row[i].arguments
			: "import %s/keras/generator.keras --config %s/run.yaml --out "; *p; p++) {
			const bool folder = p[0] == '%';
			n += (size_t)snprintf(line + n, sizeof line - n, folder ? "%s" : "%.1s", folder ? dir : p);
			p += folder;
		}
		const char *file = i < COUNT(row) ? row[i].file : "x.h5";
		const answer a = command("%s %s%s/%s > %s/said && %s %s- 2> %s/told > %s/piped && cmp %s/piped %s/%s "
			"&& test -s %s/told", sagan_program(), line, dir, file, dir, sagan_program(), line, dir, dir,
			dir, dir, file, dir);
		ck_assert_msg(a.status == 0, "%s: %s", line, a.text);
	}
	const answer a = sagan("classify configs/classify-mnist.yaml --out -");
	ck_assert_msg(a.status == 1 && strstr(a.text, "-: the state is kept beside the file"), "%s", a.text);
}
END_TEST

/* A checkpoint and a classifier are replaced by nothing but their own commands, and no output by another. */
START_TEST(what_was_learnt_is_not_replaced)
{
	static const char checkpoint[] = "is a checkpoint, which this would replace; give another name",
		classifier[] = "is a classifier, which this would replace";
	const char *dir = scratch_folder();
	ck_assert_int_eq(sagan("train %s --out %s/run --steps 1", make_config(SMALL), dir).status, 0);
	ck_assert_int_eq(sagan("export %s/run --out %s/keras", dir, dir).status, 0);
	ck_assert_int_eq(command("cd %s && cp run/checkpoint-00000001.h5 ck.h5 && cp ck.h5 ck && mkdir dir && "
		"cp ck.h5 dir/generator.h5 && ln -s ck.h5 link.h5", dir).status, 0);
	ck_assert_int_eq(command("cp data/features/mnist.h5 %s/class.h5 && cp %s/keras/generator.keras %s/g.keras", dir,
		dir, dir).status, 0);
	static const struct {
		const char *line, *says;
		int status;
	} row[] = {
		{"sample run --n 4 --out ck.h5", checkpoint, 1}, {"sample run --n 4 --out link.h5", checkpoint, 1},
		{"sample run --n 4 --latents ck.h5", checkpoint, 1},
		{"sample run --n 4 --latents class.h5", classifier, 1},
		{"sample run --n 4 --out ck", checkpoint, 1}, {"attend run --out ck.h5", checkpoint, 1},
		{"attend run --out ck", checkpoint, 1}, {"report run --out ck", checkpoint, 1},
		{"export run --html=ck", checkpoint, 1}, {"export run --out dir", checkpoint, 1},
		{"evaluate run --n 10 --pairs ck", checkpoint, 1}, {"data keras --picture ck", checkpoint, 1},
		{"import g.keras --config run.yaml --out class.h5", classifier, 1},
		{"import g.keras --config run.yaml --out ./g.keras", "--out ./g.keras: is the file that is read", 2},
		{"classify class.yaml --fresh --out ck.h5", checkpoint, 1},
		{"sample run --n 4 --out l.h5 --latents ./l.h5", "--latents ./l.h5: is the file of the images, too", 2},
		{"sample run --n 4 --latents samples.png", "--latents samples.png: is the file of the images, too", 2},
		{"sample run --n 4 --out - --latents -", "--latents -: is the file of the images, too", 2},
		{"sample --from g.keras --n 4 --out g.keras", "--from g.keras: would be replaced", 2},
		{"attend run --image run/data.png --out run/data.png", "is the picture that is looked at", 2},
	};
	ck_assert_int_eq(command("cp configs/classify-mnist.yaml %s/class.yaml; ln -s $PWD/data %s/data", dir, dir)
		.status, 0);
	for (int i = 0; i < COUNT(row); i++) {
		const answer a = command("P=$(realpath %s) && cd %s && $P %s", sagan_program(), dir, row[i].line);
		ck_assert_msg(a.status == row[i].status && strstr(a.text, row[i].says), "%s: %s", row[i].line, a.text);
	}
	const answer same = command("cd %s && for f in ck.h5 ck dir/generator.h5; do cmp $f run/check*1.h5 || exit; "
		"done; test ! -e l.h5 && cmp g.keras keras/generator.keras", dir);
	ck_assert_msg(same.status == 0, "%s", same.text);
	/* their own */
	ck_assert_int_eq(sagan("import %s/g.keras --config %s/run.yaml --out %s/ck.h5", dir, dir, dir).status, 0);
	ck_assert_int_eq(sagan("sample %s/run --n 4 --out %s/own.h5", dir, dir).status, 0);
	ck_assert_int_eq(sagan("sample %s/run --n 4 --out %s/own.h5", dir, dir).status, 0);
}
END_TEST

/* ---- attention ---- */

/* Of both networks; a picture of the run's own is looked at by D. What is not there is named. */
START_TEST(attention_of_both_networks_is_drawn)
{
	const char *run = scratch_at("run"), *dir = scratch_folder();
	ck_assert_int_eq(sagan("train %s --out %s --steps 1 --set 'model.layers_g=[{at: 14, type: mhsa, heads: 2}]' "
		"--set 'model.layers_d=[{at: 14, type: official}]'", make_config(SMALL), run).status, 0);
	answer a = sagan("attend %s --class 3 --pixel 14,14 --out %s/g.png", run, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "1 attention layer of the generator at step 1: "), "%s", a.text);
	ck_assert(file_exists(dir, "g.png"));
	a = sagan("attend %s --image %s/data.png --out %s/d.H5", run, run, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "of the discriminator at step 1"), "%s", a.text);
	fault e;
	char path[512];
	h5_info info;
	snprintf(path, sizeof path, "%s/d.H5", dir);
	h5 *f = h5_open(path, &e);
	const shape want = SHAPE(1, 14, 14, 7, 7);
	ck_assert(f && h5_stat(f, "/maps/attention14", &info, &e) && shape_equal(&info.s, &want));
	h5_close(f);
	static const struct {
		const char *arguments, *says;
	} wrong[] = {
		{"--layer halo", "sagan: --layer halo: the attention layers of the generator are attention14"},
		{"--head 3", "sagan: --head 3: attention14 has 2"},
		{"--pixel 28,0", "sagan: --pixel 28,0: the image has rows 0 to 27 and columns 0 to 27"},
		{"--class 10", "sagan: --class 10: must be 0 to 9"},
		{"--image tests/test_cli.c", "sagan: tests/test_cli.c: "},
	};
	for (int i = 0; i < COUNT(wrong); i++) {
		a = sagan("attend %s %s --out %s/no.png", run, wrong[i].arguments, dir);
		ck_assert_msg(a.status == 1 && strstr(a.text, wrong[i].says), "%s: %s", wrong[i].arguments, a.text);
		ck_assert(!file_exists(dir, "no.png"));
	}
}
END_TEST

/* ---- help, man page, completion ---- */

static const char *const COMMANDS[] = {
	"train", "sample", "attend", "export", "import", "info", "layers", "data", "classify", "evaluate", "report",
	"compare", "bench"
};

static void check_screen(const char *text)
{
	int lines = 0;
	for (const char *p = text; *p; lines++) {
		const size_t n = strcspn(p, "\n");
		ck_assert_msg(n <= 80, "%zu columns: %.*s", n, (int)n, p);
		p += n + (p[n] == '\n');
	}
	ck_assert_msg(lines <= 24, "%d lines:\n%s", lines, text);
}

START_TEST(help_fits_a_screen)
{
	check_screen(sagan("--help").text);
	for (int i = 0; i < COUNT(COMMANDS); i++) {
		const answer a = sagan("%s --help", COMMANDS[i]);
		ck_assert_int_eq(a.status, 0);
		check_screen(a.text);
	}
}
END_TEST

static char *read_file(const char *path)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* The text without backslashes: troff writes \- for a minus. */
static void drop_backslashes(char *text)
{
	char *to = text;
	for (const char *p = text; *p; p++)
		if (*p != '\\')
			*to++ = *p;
	*to = '\0';
}

/* What stands in text between each `from` and the next `to`, in a row. Into buf, which is returned. */
static char *parts_between(const char *text, const char *from, const char *to, char *buf, size_t size)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, from));) {
		at += strlen(from);
		const char *end = strstr(at, to);
		const size_t len = end ? (size_t)(end - at) : strlen(at);
		ck_assert_uint_lt(n + len + 1, size);
		memcpy(buf + n, at, len);
		buf[n += len] = '\n';
		n++;
	}
	buf[n] = '\0';
	return buf;
}

/* Whether a text has the option, and not only one that begins so. */
static bool has_option(const char *text, const char *option)
{
	const size_t n = strlen(option);
	for (const char *at = text; (at = strstr(at, option)); at += n)
		if (!isalnum((unsigned char)at[n]) && at[n] != '-')
			return true;
	return false;
}

/* Every option that a --help lists stands in the man page, in the synopsis of its command (where that does not only say
 * "options") and in its section, and in the completion. */
START_TEST(man_page_and_completion_know_every_option)
{
	static char man[1 << 16], completion[1 << 16], synopsis[1 << 13], ours[1 << 13], section[1 << 15];
	strcpy(man, read_file("tools/sagan.1"));
	drop_backslashes(man);
	strcpy(completion, read_file("tools/completion.bash"));
	parts_between(man, ".SH SYNOPSIS\n", ".SH ", synopsis, sizeof synopsis);
	int options = 0;
	for (int i = 0; i < COUNT(COMMANDS); i++) {
		char option[64], from[64];
		const answer a = sagan("%s --help", COMMANDS[i]);
		snprintf(from, sizeof from, ".B sagan %s", COMMANDS[i]);
		parts_between(synopsis, from, "\n.br", ours, sizeof ours);
		snprintf(from, sizeof from, ".SS sagan %s\n", COMMANDS[i]);
		parts_between(man, from, "\n.S", section, sizeof section);
		ck_assert_msg(*ours && *section, "%s is not in the man page", COMMANDS[i]);
		for (const char *p = a.text; (p = strstr(p, "\n  --")); p++) {
			ck_assert(sscanf(p, " %63s", option) == 1);
			ck_assert_msg(has_option(section, option), "%s %s: not in the man page", COMMANDS[i], option);
			ck_assert_msg(strstr(ours, ".RI [ options ]") || has_option(ours, option),
				"%s %s: not in the synopsis", COMMANDS[i], option);
			ck_assert_msg(has_option(completion, option), "%s %s: not in the completion", COMMANDS[i],
				option);
			options++;
		}
	}
	ck_assert_int_ge(options, 25);
	for (int i = 0; data_formats[i]; i++) {      /* each begins with its name */
		const char *name = *(const char *const *)data_formats[i];
		ck_assert_msg(strstr(man, name) && strstr(completion, name), "data format %s", name);
	}
	const answer data = sagan("data --help");
	const word_list colours = DATA_COLOUR_WORDS;
	for (int i = 0; i < word_count(colours); i++)
		ck_assert_msg(strstr(man, word_at(colours, i)) && strstr(data.text, word_at(colours, i)), "colour %s",
			word_at(colours, i));
}
END_TEST

/* A picture is sent into a pipe, which stays one, as does a link. tests/test_files.c has the rest. */
START_TEST(completion_offers_what_is_taken)
{
	static const char *const row[][2] = {
		{"evaluate --split ''", "train test "}, {"data --split ''", "train test all "},
		{"layers halo --set he", "heads= "}, {"classify x --set classify.wi", "classify.width= "},
		{"train x --set optim.lr_", "optim.lr_g= optim.lr_d= "},
	};
	if (system("command -v bash > /dev/null") != 0)
		return;
	for (int i = 0; i < COUNT(row); i++) {
		const answer a = command("bash -c '. tools/completion.bash; compopt() { :; }; COMP_WORDS=(\"$@\"); "
			"COMP_CWORD=$(($# - 1)); _sagan; printf \"%%s \" \"${COMPREPLY[@]}\"' x %s %s", sagan_program(),
			row[i][0]);
		ck_assert_msg(strcmp(a.text, row[i][1]) == 0, "%s: %s", row[i][0], a.text);
	}
}
END_TEST

START_TEST(only_files_are_replaced)
{
	const char *dir = scratch_folder();
	const char *fifo = scratch_at("fifo");
	ck_assert_int_eq(mkfifo(fifo, 0666), 0);
	answer a = command("cat %s | head -c 4 & %s data data/mnist --limit 10 --picture %s >/dev/null; wait", fifo,
		sagan_program(), fifo);
	struct stat s;
	ck_assert_msg(a.status == 0 && strstr(a.text, "PNG"), "%s", a.text);
	ck_assert(lstat(fifo, &s) == 0 && S_ISFIFO(s.st_mode));
	file_store(scratch_at("real.png"), "x", 1);
	ck_assert_int_eq(symlink("real.png", scratch_at("link.png")), 0);
	a = sagan("data data/mnist --limit 10 --picture %s/link.png", dir);
	ck_assert_msg(a.status == 0, "%s", a.text);
	ck_assert(lstat(scratch_at("link.png"), &s) == 0 && S_ISLNK(s.st_mode));
	ck_assert(stat(scratch_at("real.png"), &s) == 0 && s.st_size > 100);
	a = sagan("data data/mnist --limit 10 --picture -");
	ck_assert_msg(a.status == 1 && strstr(a.text, "standard output has the results"), "%s", a.text);
}
END_TEST

/* A file that is opened must not become descriptor 1, into which messages go. */
START_TEST(closed_descriptors_are_no_files)
{
	const char *path = make_config(SMALL), *run = scratch_at("run");
	const answer a = command("%s train %s --out %s --log-every 1 <&- >&- 2>&-", sagan_program(), path, run);
	ck_assert_int_eq(a.status, 1);               /* the run is complete, but what was said is lost */
	struct stat s;
	ck_assert(stat(scratch_at("run/lock"), &s) == 0 && s.st_size == 0);
	ck_assert_msg(strncmp(read_file(scratch_at("run/metrics.csv")), "step,", 5) == 0, "%s",
		      read_file(scratch_at("run/metrics.csv")));
}
END_TEST

/* 4 heads of 32 in blocks of 4 with a halo of 1: the numbers follow from halo.h. */
START_TEST(layers_are_counted_on_a_map)
{
	const answer a = sagan("layers halo --input 16x16x128 --set block=4");
	ck_assert_int_eq(a.status, 0);
	ck_assert(strstr(a.text, "on one map [1,16,16,128] -> [1,16,16,128]"));
	ck_assert(strstr(a.text, "  key_value  ") && strstr(a.text, "[128,256]"));
	/* 4 * 128^2, two tables of 32 x (2*6-1), gamma */
	ck_assert_msg(strstr(a.text, " 66,241\n") != NULL, "%s", a.text);
	ck_assert(strstr(a.text, "forward: ") && strstr(a.text, "forward and backward: "));
}
END_TEST

/* What the pages of the originals show: keras_cv_attention_models 99f7b90, SelfAttention_Conv2D dc0cf66. */
START_TEST(layers_of_other_widths_show_what_their_originals_do)
{
	static const struct {
		const char *layer, *shows[5];
	} rows[] = {
		{"mhsa --input 14x16x256 --set key_dim=128 --set out=512",
		 {"[1,14,16,256] -> [1,14,16,512], the layer alone\n", "query  ", "[256,512]", "[128,31]",
		  " 662,784\n"}},
		{"halo --input 14x16x256 --set key_dim=128 --set out=512",
		 {"[1,14,16,256] -> [1,14,16,512]", "key_value  ", "[256,1024]", "[128,7]", " 657,152\n"}},
		{"outlook --input 28x28x192 --set heads=4",
		 {"attn/kernel  ", "[192,324]", "[192,192]", "without gamma  ", " 136,452\n"}},
		{"conv2d --input 28x28x1 --set filters=8 --set key_width=4 --set value_width=4",
		 {"[1,28,28,1] -> [1,28,28,8], the layer alone\n", "[1,1,4,8]", "f/bias  ", "[1,1,1,4]", " 65\n"}},
		{"ashpy_row --input 8x8x16",
		 {"for each row i of the map", "f_conv/kernel  ", "[1,1,16,2]", " 341\n", ""}},
		{"plain", {"K = x Wk [N,cq]", "y = x + gamma softmax(Q K') V\n", "", "", ""}},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		const answer a = sagan("layers %s", rows[i].layer);
		ck_assert_int_eq(a.status, 0);
		for (int k = 0; k < COUNT(rows[i].shows); k++)
			ck_assert_msg(strstr(a.text, rows[i].shows[k]), "%s: no %s in %s", rows[i].layer,
				rows[i].shows[k], a.text);
	}
}
END_TEST

START_TEST(keys_are_listed_with_their_meaning)
{
	answer a = sagan("info --keys");
	ck_assert_int_eq(a.status, 0);
	for (int i = 0; i < config_key_count(); i++)
		ck_assert_msg(strstr(a.text, config_key_at(i)->name) && strstr(a.text, config_key_at(i)->help), "%s",
			      config_key_at(i)->name);
	a = sagan("info --keys optim --markdown");
	ck_assert(strstr(a.text, "| `optim.lr_g` |") && !strstr(a.text, "`loss.name`"));
}
END_TEST

/* The page is what the program prints, so that neither can say something else. */
START_TEST(the_page_of_keys_is_what_the_program_prints)
{
	char *page = file_bytes("docs/keys.md", NULL), *table = strstr(page, "| key |");
	const answer none = sagan("info --keys --markdown qqqq");
	ck_assert_msg(strncmp(none.text, "sagan: qqqq: ", 13) == 0, "%s", none.text);        /* no head of a table */
	const answer a = sagan("info --keys --markdown > %s", scratch_at("keys.md"));
	char *printed = file_bytes(scratch_at("keys.md"), NULL);
	ck_assert_msg(a.status == 0 && table && strcmp(table, printed) == 0, "the table in docs/keys.md is not what "
		      "`sagan info --keys --markdown` prints");
	free(page);
	free(printed);
}
END_TEST

/* A config without a penalty has no plan with one. */
START_TEST(plans_are_printed)
{
	static const char *const key[] = {"d", "d_penalty", "g", "sample"};
	const char *path = make_config(SMALL);
	for (int i = 0; i < COUNT(key); i++) {
		const answer a = sagan("info %s --set loss.penalty=r1 --set loss.penalty_every=4 --plan %s | head -n 2",
			path, key[i]);
		ck_assert_msg(a.status == 0, "%s: %s", key[i], a.text);
		ck_assert_msg(strncmp(a.text, " step   value  shape ", 21) == 0, "%s: %s", key[i], a.text);
	}
	answer a = sagan("info %s --plan g | tail -n 1", path);
	ck_assert_msg(strncmp(a.text, "arena: ", 7) == 0, "%s", a.text);
	a = sagan("info %s --plan d_penalty", path);
	ck_assert_int_eq(a.status, 1);
	ck_assert_str_eq(a.text, "sagan: plan d_penalty: training with this config has none of that name, but d, g; "
		"sample is that of drawing\n");
	/* Where each update of D has one, it is D's plan. */
	const char *d = scratch_at("d"), *penalty = scratch_at("penalty");
	a = sagan("info %s --set loss.penalty=r1 --plan d > %s", path, d);
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan("info %s --set loss.penalty=r1 --plan d_penalty > %s; cmp %s %s", path, penalty, d, penalty);
	ck_assert_msg(a.status == 0, "%s", a.text);
}
END_TEST

/* ---- whole commands ---- */

/* DIR/latents.h5 has n latents of 128, labels in turn, and images [n,28,28,1] that are not all the same. */
static bool has_latents(const char *dir, int n)
{
	char path[300];
	fault e;
	static double z[128 * 16], image[28 * 28 * 16];
	int64_t y[16] = {0};
	snprintf(path, sizeof path, "%s/latents.h5", dir);
	h5 *f = h5_open(path, &e);
	bool ok = f && n <= 16 && h5_read_f64(f, "/inputs/z", z, 128 * n, &e) && h5_read_i64(f, "/inputs/y", y, n, &e)
		&& h5_read_f64(f, "/outputs/image", image, 28 * 28 * n, &e);
	h5_close(f);
	for (int k = 1; ok && k < n; k++)
		ok = y[k] == k && z[128 * k] != z[128 * (k - 1)] && image[784 * k + 400] >= -1
			&& image[784 * k + 400] != image[784 * (k - 1) + 400];
	return ok;
}

START_TEST(a_run_is_trained_continued_and_sampled)
{
	answer a;
	const char *dir = scratch_folder(), *path = make_config(SMALL);
	a = sagan("train %s --out %s/run --steps 4", path, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "\nstep 4/4 ") && strstr(a.text, "done: 4 steps"), "%s", a.text);
	a = sagan("train %s --out %s/run --set optim.lr_g=2e-4", path, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "optim.lr_g changed from 0.0001 to 0.0002")
		      && strstr(a.text, "\nstep 6/6 ") && !strstr(a.text, "\nstep 2/"), "%s", a.text);
	a = sagan("train %s --out %s/run --set model.latent=16", path, dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "command line: model.latent = 16: "), "%s", a.text);
	a = sagan("train %s --out %s/run --set ema.decay=0", path, dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "ema.decay = 0: ") && strstr(a.text, "which cannot change; "),
		"%s", a.text);
	a = sagan("train %s/run --set optim.lr_g=2e-4", dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "\nall 6 steps are done; --steps N trains on to step N\n"), "%s",
		a.text);
	a = sagan("train %s --out %s/run --set model.latent=16 --set seed=2 --set batch=2", path, dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "command line: seed = 2: ")
		      && strstr(a.text, "started with 1, which cannot change, nor can batch (4), model.latent (128);"),
		      "%s", a.text);

	a = sagan("sample %s/run --n 6 --out %s/grid.png", dir, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "6 images of step 6"), "%s", a.text);
	a = sagan("sample %s/run --n 6 --seed 3 --out %s/grid.png --latents %s/latents.h5", dir, dir, dir);
	ck_assert_msg(a.status == 0 && has_latents(dir, 6), "%s", a.text);
	a = sagan("sample %s/run --best --n 6 --out %s/best.png", dir, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "6 images of step "), "%s", a.text);
	static const char *const draws[] = {"sample", "attend", "evaluate"};
	for (int i = 0; i < COUNT(draws); i++) {
		a = sagan("%s %s/run/checkpoint-best.h5 --best", draws[i], dir);
		ck_assert_msg(a.status == 1 && strstr(a.text, "h5: is a file; --best wants the folder of a run"), "%s",
			a.text);
	}
	a = sagan("sample %s --best", dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "checkpoint-best.h5") && strstr(a.text, "score.count"),
		      "%s", a.text);
	a = sagan("sample %s/run --n 3 --class 2 --truncation 0.5 --out %s/each/", dir, dir);
	ck_assert_msg(a.status == 0 && file_exists(dir, "each/000002.png"), "%s", a.text);
	a = sagan("data %s/each --split all", dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "3 images of 28x28, gray"), "%s", a.text);
	a = sagan("sample %s/run --n 2 --out %s/new/folder/two.png --latents %s/other/two.h5", dir, dir, dir);
	ck_assert_msg(a.status == 0 && file_exists(dir, "new/folder/two.png") && file_exists(dir, "other/two.h5"), "%s",
		      a.text);
	a = sagan("data data/mnist --limit 10 --picture %s/third/ten.png", dir);
	ck_assert_msg(a.status == 0 && file_exists(dir, "third/ten.png"), "%s", a.text);
	a = sagan("sample %s/run --n 2 --out %s/two.jpg", dir, dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "two.jpg: pictures are written as PNG"), "%s", a.text);
	a = sagan("sample %s/run --n 2 --out %s/run.yaml/x.png", dir, dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "run.yaml: a file lies there"), "%s", a.text);
	a = command("HOME=%s %s sample %s/run --n 2 --out='~/home.png'", dir, sagan_program(), dir);
	ck_assert_msg(a.status == 0 && file_exists(dir, "home.png"), "%s", a.text);
	a = sagan("sample %s/run --class 10", dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "--class 10: must be 0 to 9"), "%s", a.text);
	a = sagan("info %s/run", dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "step 6, written by sagan") && strstr(a.text, "\n  score ")
		      && strstr(a.text, "lower is better\n  best: score ")
		      && strstr(a.text, "complete: its checksum "), "%s", a.text);
}
END_TEST

/* The number between two texts. */
static long long number_after(const char *said, const char *before, const char *after)
{
	const char *at = strstr(said, before);
	ck_assert_msg(at != NULL, "%s", said);
	char *end;
	const long long n = strtoll(at + strlen(before), &end, 10);
	ck_assert_msg(strncmp(end, after, strlen(after)) == 0, "%s", said);
	return n;
}

/* The step under way is finished and saved; the line that is left says how to go on. */
START_TEST(a_signal_saves_and_says_how_to_go_on)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
	const char *path = make_config(SMALL), *run = scratch_at("run"), *log = scratch_at("log");
	for (int i = 0; i < COUNT(signals); i++) {
		unlink(log);
		const pid_t child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			if (!freopen(log, "w", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
				_exit(9);
			execl(sagan_program(), "sagan", "train", path, "--out", run, "--set", "steps=1000000000",
				(char *)NULL);
			_exit(9);
		}
		/* Until the first line of progress; a minute is more than any machine needs. */
		int tries = 0;
		while (tries++ < 6000 && !(access(log, R_OK) == 0 && strstr(read_file(log), "\nstep ")))
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		int status;
		ck_assert_int_eq(kill(child, signals[i]), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		const char *said = read_file(log);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 128 + signals[i], "%x: %s", status, said);
		long long under_way = number_after(said, "\nfinishing step ", " and saving; again to stop at once\n");
		long long done = number_after(said, "stopped by a signal after step ", ";");
		ck_assert_msg(done == under_way || done == under_way - 1, "%lld, %lld", under_way, done);
		const char *command = strstr(said, "go on with: sagan train ");
		ck_assert_msg(command && strstr(command, run), "%s", said);
		ck_assert_msg(i == 0 || strstr(said, "going on from "), "%s", said);
	}
}
END_TEST

/* `sagan train | head -1`: the pipe ends, the run is saved. */
START_TEST(a_pipe_that_nobody_reads_saves)
{
	const char *path = make_config(SMALL), *run = scratch_at("run"), *log = scratch_at("log");
	command("(%s train %s --out %s --set steps=1000000 --log-every 1 2> %s; echo $? >> %s) | head -n 1",
		sagan_program(), path, run, log, log);
	const char *said = read_file(log);
	ck_assert_msg(strstr(said, "stopped because nobody reads the output after step "), "%s", said);
	ck_assert_msg(strstr(said, "go on with: ") && strstr(said, "\n141\n"), "%s", said);
	const answer a = sagan("info %s", run);
	ck_assert_msg(a.status == 0 && strstr(a.text, "complete: its checksum "), "%s", a.text);
}
END_TEST

/* nohup ignores SIGHUP, and so does what it starts. */
START_TEST(an_ignored_signal_stays_ignored)
{
	const char *path = make_config(SMALL), *run = scratch_at("run"), *log = scratch_at("log");
	const answer a = command("trap '' HUP; %s train %s --out %s --set steps=60 --log-every 1 > %s & child=$!; "
		"until grep -q '^step 3/' %s; do sleep 0.05; done 2>/dev/null; kill -HUP $child; wait $child",
		sagan_program(), path, run, log, log);
	ck_assert_msg(a.status == 0 && strstr(read_file(log), "done: 60 steps"), "%d: %s", a.status, read_file(log));
	/* Also while a run that was ended by another signal is saving. */
	const answer b = command("trap '' HUP; %s train %s --fresh --out %s --set steps=1000000 --log-every 1 > %s & "
		"child=$!; until grep -q '^step 3/' %s; do sleep 0.05; done 2>/dev/null; kill -TERM $child; "
		"for i in 1 2 3 4 5 6 7 8 9; do kill -HUP $child; done 2>/dev/null; wait $child", sagan_program(), path,
		run, log, log);
	ck_assert_msg(b.status == 128 + SIGTERM && strstr(read_file(log), "stopped by a signal after step"), "%d: %s",
		b.status, read_file(log));
}
END_TEST

/* The folder of a run is enough to go on, and the command that is printed does. */
START_TEST(the_folder_of_a_run_goes_on)
{
	const char *dir = scratch_folder(), *path = make_config(SMALL);
	answer a = sagan("train %s --out '%s/a run' --set steps=4 --steps 2", path, dir);
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan("train '%s/a run'", dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "going on from "), "%s", a.text);
	ck_assert_msg(strstr(a.text, "done: 4 steps"), "%s", a.text);
	char want[600];
	snprintf(want, sizeof want, "`%s sample '%s/a run'` makes pictures", sagan_program(), dir);
	ck_assert_msg(strstr(a.text, want), "%s", a.text);
	a = command("ln -s $(realpath %s) '%s/my sagan' && '%s/my sagan' train '%s/a run'", sagan_program(), dir, dir,
		dir);
	snprintf(want, sizeof want, "`'%s/my sagan' sample '%s/a run'` makes pictures", dir, dir);
	ck_assert_msg(strstr(a.text, want), "%s", a.text);
	a = sagan("train %s/nothing", dir);
	ck_assert_int_eq(a.status, 1);
	/* A path longer than a text of a config is not cut, which would name another folder. */
	char deep[900];
	snprintf(deep, sizeof deep, "%s/%0200d/%0200d/%0200d", dir, 1, 2, 3);
	a = sagan("train %s --out %s --set steps=4 --steps 2", path, deep);
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan("train %s", deep);
	ck_assert_msg(a.status == 0 && strstr(a.text, "going on from "), "%s", a.text);
	ck_assert_msg(strstr(a.text, "done: 4 steps"), "%s", a.text);
	ck_assert_int_eq(mkdir(scratch_at("empty"), 0777), 0);
	a = sagan("train %s/empty", dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "empty: is no run: there is neither config.yaml nor a good "
		"checkpoint in it"), "%s", a.text);
}
END_TEST

/* Without its config.yaml a run has the one in its checkpoint, with --set over it; a checkpoint alone is no config. */
START_TEST(a_run_that_lost_its_config_goes_on)
{
	const char *dir = scratch_folder(), *path = make_config(SMALL);
	answer a = sagan("train %s --out %s/run --set steps=4 --steps 2", path, dir);
	ck_assert_msg(a.status == 0, "%s", a.text);
	ck_assert_int_eq(unlink(scratch_at("run/config.yaml")), 0);
	a = sagan("train %s/run --set steps=5", dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "going on from "), "%s", a.text);
	ck_assert_msg(strstr(a.text, "done: 5 steps"), "%s", a.text);
	ck_assert_int_eq(access(scratch_at("run/config.yaml"), F_OK), 0);
	a = sagan("train %s/run/checkpoint-00000005.h5", dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "checkpoint-00000005.h5: is a checkpoint: `sagan train RUN`"),
		"%s", a.text);
}
END_TEST

/* The data are elsewhere; they are more than they were; another run begins with the weights. */
START_TEST(a_run_is_moved_given_more_data_and_begun_from)
{
	const char *dir = scratch_folder(), *path = make_config(SMALL);
	answer a = sagan("train %s --out %s/run --steps 2", path, dir);
	ck_assert_msg(a.status == 0, "%s", a.text);
	char here[512], to[700];
	ck_assert(getcwd(here, sizeof here) != NULL);
	snprintf(to, sizeof to, "%s/data/mnist", here);
	ck_assert_int_eq(symlink(to, scratch_at("moved")), 0);
	a = sagan("train %s/run --set data.path=%s/nowhere --steps 3", dir, dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "; --set data.path=PATH says where they are now\n"), "%s",
		a.text);
	a = sagan("train %s/run --set data.path=%s/moved --steps 3", dir, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "data.path changed from "), "%s", a.text);
	a = sagan("train %s/run --set data.limit=50 --steps 4", dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "--new-data goes on with other images"), "%s", a.text);
	a = sagan("train %s/run --set data.limit=50 --steps 4 --new-data", dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "data.limit changed from 40 to 50")
		&& strstr(a.text, "new data: 40 images of 28x28x1 in 10 classes before, now 50 images of 28x28x1 in 10 "
		"classes; epoch 1 begins with them"), "%s", a.text);
	a = sagan("train %s --out %s/other --init-from %s/run --freeze-d 1 --steps 2 --set model.d_channels=12", path,
		dir, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "begins with ") && strstr(a.text, "arrays fit")
		&& strstr(a.text, "  starts new: discriminator/") && strstr(a.text, "D's first 1 blocks do not learn"),
		"%s", a.text);
	a = sagan("info %s/other", dir);
	ck_assert_msg(strstr(a.text, "  began with ") && strstr(a.text, "first 1 blocks of D do not learn"), "%s",
		a.text);
}
END_TEST

/* Classes beyond the data's are allowed, and a mistyped number is told. */
START_TEST(classes_without_images_are_told)
{
	const char *path = make_config(SMALL);
	const char *said = "model.classes = 12: 2 of 12 classes have no image, so they learn nothing";
	answer a = sagan("train %s --out %s --steps 1 --quiet --set data.limit=100 --set model.classes=12", path,
		scratch_at("run"));
	ck_assert_msg(a.status == 0 && a.lines == 1 && strstr(a.text, said), "%s", a.text);
	a = sagan("train %s --out %s --steps 1 --quiet --set data.limit=100 --set model.classes=12 --set "
		"model.conditional=false", path, scratch_at("plain"));
	ck_assert_msg(a.status == 0 && a.lines == 0, "%s", a.text);
}
END_TEST

/* Said before anything is made, or read of another run. */
START_TEST(more_frozen_blocks_than_there_are_leave_nothing_behind)
{
	const char *dir = scratch_folder(), *path = make_config(SMALL);
	ck_assert_int_eq(sagan("train %s --out %s/run --steps 1", path, dir).status, 0);
	const answer a = sagan("train %s --out %s/new --init-from %s/run --freeze-d 10", path, dir, dir);
	ck_assert_int_eq(a.status, 1);
	ck_assert_str_eq(a.text, "sagan: --freeze-d 10: D has 4 blocks; must be 0 to 4\n");
	ck_assert(!file_exists(dir, "new"));
}
END_TEST

START_TEST(a_run_that_cannot_begin_leaves_nothing_behind)
{
	const char *dir = scratch_folder(), *path = make_config(SMALL);
	file_store(scratch_at("mine/lock"), "", 0);  /* the folder of somebody: it stays */
	for (int i = 0; i < 2; i++) {
		const char *out = i ? "mine" : "new";
		const answer a = sagan("train %s --out %s/%s --init-from %s/nowhere", path, dir, out, dir);
		ck_assert_msg(a.status == 1 && a.lines == 1 && strstr(a.text, "nowhere: No such file"), "%s", a.text);
		ck_assert_int_eq(file_exists(dir, out), i);
	}
}
END_TEST

/* Names that the config gives are in the checkpoint: in its description, over the columns, and for --class. */
START_TEST(classes_have_names)
{
	const char *run = scratch_at("run"), *dir = scratch_folder();
	file_store(scratch_at("auto"), "x\n", 2);    /* a file of that name beside the config is not meant by "auto" */
	ck_assert_int_eq(sagan("train %s --out %s --steps 1", make_config(SMALL), scratch_at("plain")).status, 0);
	answer a = sagan("train %s --out %s --steps 1 --set model.conditional=true --set \"data.class_names=[nil, one, "
		"two, tri, for, fiv, six, svn, ate, nin]\"", make_config(SMALL), run);
	ck_assert_msg(a.status == 0 && strstr(a.text, "  tri  "), "%s", a.text);
	a = sagan("info %s", run);
	ck_assert_msg(strstr(a.text, "10 classes: nil, one, two, tri, for, fiv, six, svn, ate, nin\n"), "%s", a.text);
	static const char *const same[] = {"TRI", "3"};
	for (int i = 0; i < COUNT(same); i++)
		ck_assert_int_eq(sagan("sample %s --n 4 --class %s --out %s/%d/x.png", run, same[i], dir, i).status, 0);
	ck_assert(files_equal_in(scratch_at("0"), scratch_at("1"), "x.png"));
	a = sagan("sample %s --class zoo --out %s/no.png", run, dir);
	ck_assert_int_eq(a.status, 1);
	ck_assert_str_eq(a.text,
		"sagan: --class zoo: must be 0 to 9, or one of nil, one, two, tri, for, fiv, six, svn, ate, nin\n");
	a = sagan("sample %s --class 10 --out %s/no.png", run, dir);
	ck_assert_msg(a.status == 1 && strstr(a.text, "--class 10: must be 0 to 9, or one of nil"), "%s", a.text);
	ck_assert(!file_exists(dir, "no.png"));
	a = sagan("train %s --out %s --set data.class_names=nowhere.txt", make_config(SMALL), scratch_at("b"));
	ck_assert_msg(a.status == 1 && strstr(a.text, "data.class_names = \"nowhere.txt\": cannot read"), "%s", a.text);
}
END_TEST

/* What the numbers of a file mean is decided, printed, and can be said. */
START_TEST(ranges_are_printed_and_can_be_given)
{
	static real x[8 * 16];
	fault e;
	const char *path = scratch_at("a.h5");
	for (int i = 0; i < COUNT(x); i++)
		x[i] = (real)(i % 16) / 15;
	h5 *f = h5_create(path, &e);
	ck_assert(f && h5_write_real(f, "/pictures", SHAPE(8, 4, 4), x, &e) && h5_commit(f, &e));
	answer a = sagan("data %s", path);
	ck_assert_int_eq(a.status, 0);
	ck_assert_msg(strstr(a.text, "mean 0.5000") && strstr(a.text, "range: 0..1, by 99.9 % of the"), "%s", a.text);
	ck_assert(strstr(a.text, "images: /pictures [8,4,4] ") && strstr(a.text, "as [n,h,w]; no labels"));
	a = sagan("data %s --range -1..1", path);
	ck_assert_msg(strstr(a.text, "mean 0.7") && strstr(a.text, "range: -1..1, as asked for"), "%s", a.text);
	a = sagan("data %s --range 0..2", path);
	ck_assert_int_eq(a.status, 2);
	ck_assert_msg(strstr(a.text, "--range 0..2: must be auto, 0..1, -1..1, 0..255 or 0..65535"), "%s", a.text);
	a = sagan("data %s --images faces", path);
	ck_assert_int_eq(a.status, 1);
	ck_assert_msg(strstr(a.text, "no images called faces; it holds /pictures [8,4,4] "), "%s", a.text);
}
END_TEST

/* A file that cannot be written is no divergence: no advice on rates. */
START_TEST(a_record_that_cannot_be_written)
{
	fault e = {.text = ""};
	ck_assert(file_make_folders(scratch_at("run/steps.h5"), &e));
	const answer a = sagan("train %s --out %s --steps 2 --record 1", make_config(SMALL), scratch_at("run"));
	ck_assert_msg(a.status == 1 && strstr(a.text, "steps.h5: is a folder") && !strstr(a.text, "diverged"), "%s",
		a.text);
}
END_TEST

/* What was recorded is kept where a run ends before all that was asked for. */
START_TEST(a_record_of_fewer_steps_is_complete)
{
	fault e;
	h5_info info;
	const answer a = sagan("train %s --out %s --steps 2 --record 5", make_config(SMALL), scratch_at("run"));
	ck_assert_msg(a.status == 0, "%s", a.text);
	h5 *f = h5_open(scratch_at("run/steps.h5"), &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	ck_assert(h5_stat(f, "/step2/d1/real", &info, &e) && info.s.dim[0] == 4);
	ck_assert(!h5_exists(f, "/step3"));
	h5_close(f);
	const answer none = sagan("train %s --steps 2 --record 5 --quiet", scratch_at("run"));
	ck_assert_msg(none.status == 0 && strstr(none.text, "warning: no step was done, so there is nothing to record: "
		"no steps.h5 is written\n"), "%s", none.text);
}
END_TEST

/* Pictures of several sizes are looked at in the size that training gives them. */
START_TEST(a_size_can_be_given_to_look_at_data)
{
	answer a = sagan("data data/cifar10-mini --limit 4 --size 16x24 --resize stretch");
	ck_assert_msg(a.status == 0 && strstr(a.text, "4 images of 16x24, RGB"), "%s", a.text);
	a = sagan("data data/cifar10-mini --limit 4 --size 16");
	ck_assert_msg(a.status == 0 && strstr(a.text, "4 images of 16x16, RGB"), "%s", a.text);
	static const char *const wrong[] = {"16x", "x16", "0", "-4", "16x24x3", "16 x 24", "100000"};
	for (int i = 0; i < COUNT(wrong); i++) {
		a = sagan("data data/cifar10-mini --size='%s'", wrong[i]);
		ck_assert_msg(a.status != 0 && strstr(a.text, "size"), "%s: %s", wrong[i], a.text);
	}
}
END_TEST

START_TEST(quiet_says_nothing)
{
	const answer a = sagan("train %s --out %s --quiet --set data.limit=0", make_config(SMALL), scratch_at("run"));
	ck_assert_int_eq(a.status, 0);
	ck_assert_str_eq(a.text, "");
}
END_TEST

/* What the program writes to a terminal of so many columns. */
static const char *on_terminal(int columns, const char *path, const char *run)
{
	static char said[1 << 16];
	const int ours = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
	const struct winsize w = {.ws_row = 24, .ws_col = (unsigned short)columns};
	const int theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
	ck_assert(theirs >= 0 && ioctl(theirs, TIOCSWINSZ, &w) == 0);
	const pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		setenv("TERM", "xterm", 1);
		if (dup2(theirs, STDOUT_FILENO) >= 0)
			execl(sagan_program(), "sagan", "train", path, "--out", run, "--log-every", "1", (char *)NULL);
		_exit(9);
	}
	close(theirs);
	size_t n = 0;
	ssize_t got = 0;
	while (n < sizeof said - 1 && (got = read(ours, said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(ours);
	int status;
	ck_assert(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return said;
}

static double seconds_of(const char *text)
{
	double a = 0, b = 0;
	char first[8] = "", second[8] = "";
	ck_assert_msg(sscanf(text, "%lf %3[a-z] %lf %3[a-z]", &a, first, &b, second) >= 2, "%s", text);
	return strcmp(first, "h") == 0 ? 3600 * a + 60 * b : strcmp(first, "min") == 0 ? 60 * a + b : a;
}

/* Data that are not there, but can be fetched. */
START_TEST(missing_data_are_offered)
{
	answer a = sagan("train configs/cifar10-small.yaml --set data.path=no/cifar10");
	ck_assert_msg(a.status == 1 && a.lines == 1 && strstr(a.text, "data.path = \"no/cifar10\": ")
		&& strstr(a.text, "; `tools/fetch-data.sh cifar10` fetches it; until then: --set "
		"data.path=data/cifar10-mini, "), "%s", a.text);
	a = sagan("train configs/fashion-sagan.yaml --set data.path=no/fashion-mnist");
	ck_assert_msg(a.status == 1 && strstr(a.text, "--set data.path=data/mnist, "), "%s", a.text);
	a = sagan("data no/cifar100");
	ck_assert_msg(a.status == 1 && strstr(a.text, "; `tools/fetch-data.sh cifar100` fetches it\n"), "%s", a.text);
	a = sagan("train configs/cifar10-small.yaml --set data.path=data/cifar10-mini --set model.g_channels=8 --set "
		"model.d_channels=8 --set score.count=0 --steps 1 --out %s", scratch_at("slice"));
	ck_assert_msg(a.status == 0, "%s", a.text);
}
END_TEST

/* Steps times seconds of a step; of a run what is left. */
START_TEST(info_says_how_long_it_takes)
{
	const char *path = make_config(SMALL);
	answer a = sagan("info %s --time --set steps=10000", path);
	double step = 0;
	ck_assert_msg(a.status == 0 && sscanf(a.text, "a step: %lf s with ", &step) == 1 && step > 0, "%s", a.text);
	const char *all = strstr(a.text, "10,000 steps: ");
	ck_assert_msg(all != NULL && strstr(a.text, "memory: ") && a.lines == 3, "%s", a.text);
	ck_assert_double_eq_tol(seconds_of(all + 14), 10000 * step, 60 + 0.02 * 10000 * step);
	ck_assert_int_eq(sagan("train %s --out %s --steps 2", path, scratch_at("run")).status, 0);
	a = sagan("info %s --time", scratch_at("run"));
	ck_assert_msg(a.status == 0 && strstr(a.text, "4 steps to go: "), "%s", a.text);
}
END_TEST

/* However narrow: a line that wraps could not be written over. */
START_TEST(a_narrow_terminal_has_short_lines)
{
	static const int columns[] = {20, 7};
	const char *said = on_terminal(columns[_i], make_config(SMALL), scratch_at("run"));
	int lines = 0;
	for (const char *p = said; (p = strstr(p, "\033[K")); p++, lines++) {
		const char *from = p;
		while (from > said && from[-1] != '\r')
			from--;
		ck_assert_msg(p > from && p - from < columns[_i], "%d columns: %.*s", columns[_i],
			(int)(p - from), from);
	}
	ck_assert_int_ge(lines, 6);
}
END_TEST

/* What only some kinds of files have is not passed over in silence. */
START_TEST(options_of_other_data_are_told)
{
	static const char *const row[][2] = {
		{"--coarse", "warning: coarse is of CIFAR-100, and without effect on IDX (MNIST)\n"},
		{"--range 0..1", "warning: range is of arrays (HDF5, numpy), and without effect on IDX (MNIST)\n"},
		{"--labels none", "warning: labels is of arrays"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		const answer a = sagan("data data/mnist --split test --limit 20 %s", row[i][0]);
		ck_assert_msg(a.status == 0 && strstr(a.text, row[i][1]), "%s: %s", row[i][0], a.text);
	}
}
END_TEST

/* The line that is written over is shorter than the terminal is wide, and has no half field. */
START_TEST(the_live_line_fits_the_terminal)
{
	const int columns[] = {80, 40, 200};
	const char *last[] = {"img/s", "G ", "gamma "};
	const char *said = on_terminal(columns[_i], make_config(SMALL), scratch_at("run"));
	int lines = 0;
	for (const char *p = said; (p = strstr(p, "\rstep "));) {
		const size_t n = strcspn(++p, "\033");
		char line[256] = "";
		ck_assert_uint_lt(n, (size_t)columns[_i]);
		memcpy(line, p, n);
		if (!strstr(line, " left"))          /* before the first report there are no losses */
			continue;
		ck_assert_msg(strstr(line, last[_i]), "%s", line);
		ck_assert_msg(columns[_i] < 200 || (strstr(line, "  gamma G14 ") && strstr(line, "  D14 ")), "%s",
			line);
		lines++;
	}
	ck_assert_msg(lines >= 6, "%d lines: %s", lines, said);
	/* No colours (NO_COLOR asks for none): the end of a line is cleared, and nothing else. */
	for (const char *p = said; (p = strchr(p, '\033'));)
		ck_assert_int_eq(strncmp(p++, "\033[K", 3), 0);
}
END_TEST

START_TEST(a_time_limit_ends_the_run)
{
	const char *dir = scratch_folder(), *path = make_config(SMALL);
	const answer a = sagan("train %s --out %s/run --set steps=1000000000 --max-time 1s", path, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "stopped by --max-time after step "), "%s", a.text);
}
END_TEST

/* The folder of a run knows the config's end, not the one of --steps: the command that is printed says it again. */
START_TEST(what_goes_on_ends_where_the_start_wanted_to)
{
	const char *path = make_config(SMALL), *run = scratch_at("run");
	answer a = sagan("train %s --out %s --steps 900000000 --max-time 1s --log-every 100", path, run);
	const char *said = strstr(a.text, "go on with: "), *arguments = said ? strstr(said, " train ") : NULL;
	ck_assert_msg(a.status == 0 && arguments, "%.2000s", a.text);
	a = sagan("%.*s --max-time 1s --log-every 100", (int)strcspn(arguments, "\n"), arguments);
	ck_assert_msg(a.status == 0 && strstr(a.text, "stopped by --max-time"), "%.2000s", a.text);
}
END_TEST

/* Compares the last checkpoints of two runs, byte by byte. */
START_TEST(threads_change_no_byte_of_a_checkpoint)
{
	char run[16];
	const char *dir = scratch_folder(), *path = make_config(SMALL);
	for (int threads = 1; threads <= 4; threads *= 2) {
		const answer a = sagan("train %s --out %s/run%d --threads %d", path, dir, threads, threads);
		ck_assert_msg(a.status == 0, "%s", a.text);
		snprintf(run, sizeof run, "run%d", threads);
		ck_assert_msg(files_equal_in(scratch_at("run1"), scratch_at(run), "checkpoint-00000006.h5"),
			      "%d threads", threads);
	}
}
END_TEST

/* A file size limit (ulimit -f) is a failed write like a full disk: a line and status 1, no signal. */
/* What does not change the numbers changes the checksum of all, and not that of the arrays. */
START_TEST(the_arrays_have_a_checksum_of_their_own)
{
	char all[2][65], arrays[2][65];
	for (int i = 0; i < 2; i++) {
		const char *run = scratch_at(i ? "b" : "a"), *line;
		answer a = sagan("train %s --out %s --steps 2 --set train.keep=%d", make_config(SMALL), run, i + 1);
		ck_assert_int_eq(a.status, 0);
		a = sagan("info %s", run);
		line = strstr(a.text, "complete: ");
		ck_assert_ptr_nonnull(line);
		ck_assert_int_eq(sscanf(line, "complete: its checksum %64s is right; the arrays alone give %64s",
			all[i], arrays[i]), 2);
	}
	ck_assert_str_ne(all[0], all[1]);
	ck_assert_str_eq(arrays[0], arrays[1]);
}
END_TEST

START_TEST(a_file_size_limit_ends_in_a_line)
{
	const char *path = make_config(SMALL);
	const answer a = command("ulimit -f 40; %s train %s --out %s --steps 2", sagan_program(), path,
		scratch_at("run"));
	ck_assert_msg(a.status == 1, "status %d: %s", a.status, a.text);
	ck_assert_msg(strstr(a.text, "File too large") != NULL, "%s", a.text);
}
END_TEST

START_TEST(bench_prints_one_line_of_json)
{
	static const char *const names[] = {
		"median_s", "min_s", "images_per_s", "gflop", "threads", "params_g", "params_d",
		"arena_bytes", "maxrss_bytes", "peak_gflops", "efficiency",
	};
	enum { MEDIAN_S, GFLOP = 3, THREADS, PEAK = 9, EFFICIENCY };
	double value[COUNT(names)];
	const answer a = sagan("bench configs/bench28.yaml --steps 1 --threads 2 --json --set model.g_channels=8 "
			       "--set model.d_channels=8 --set batch=4");
	ck_assert_msg(a.status == 0 && a.text[0] == '{', "%s", a.text);
	ck_assert(strchr(a.text, '\n') == a.text + strlen(a.text) - 1);
	for (int i = 0; i < COUNT(names); i++) {
		char key[64];
		double x = 0;
		snprintf(key, sizeof key, "\"%s\": ", names[i]);
		const char *p = strstr(a.text, key);
		ck_assert_msg(p && sscanf(p + strlen(key), "%lf", &x) == 1 && x > 0, "%s in %s", names[i], a.text);
		value[i] = x;
	}
	/* No processor of today does less or more in a core; the six digits that are printed round each factor. */
	ck_assert_msg(value[PEAK] > 0.1 && value[PEAK] < 1e4, "peak of %g GFLOP/s", value[PEAK]);
	const double rate = value[GFLOP] / value[MEDIAN_S] / (value[THREADS] * value[PEAK]);
	ck_assert_msg(fabs(value[EFFICIENCY] / rate - 1) < 1e-4, "%g, not %g", value[EFFICIENCY], rate);
}
END_TEST

/* By kind and by step of a plan the same sum, which is the step's but for what nobody times. */
START_TEST(bench_says_where_the_time_goes)
{
	const char *less = "--steps 1 --threads 1 --set model.g_channels=8 --set model.d_channels=8 --set batch=4";
	const char *path = scratch_at("profile.json");
	answer a = sagan("bench configs/bench28.yaml %s --profile --json >%s", less, path);
	json_t *j = json_load_file(path, 0, NULL);
	ck_assert_msg(a.status == 0 && j, "%s", a.text);
	const double sum = json_number_value(json_object_get(j, "profile_s"));
	const double step = json_number_value(json_object_get(j, "mean_s"));
	ck_assert_msg(sum > 0.5 * step && sum <= step, "%g of %g s", sum, step);
	static const char *const lists[] = {"kinds", "nodes"};
	for (int i = 0; i < COUNT(lists); i++) {
		json_t *list = json_object_get(j, lists[i]), *row;
		size_t k;
		double s = 0, last = INFINITY;
		bool learns = false, convolves = false;
		json_array_foreach(list, k, row) {
			const double x = json_number_value(json_object_get(row, "s"));
			const char *what = json_string_value(json_object_get(row, "what"));
			learns |= strcmp(what, "optimizer") == 0;
			convolves |= strcmp(what, "conv2d + bias") == 0;
			ck_assert_msg(x <= last, "%s: not in order", lists[i]);
			s += last = x;
		}
		ck_assert_msg(learns && convolves, "%s: optimizer %d, conv2d + bias %d", lists[i], learns, convolves);
		ck_assert_msg(fabs(s / sum - 1) < 1e-4, "%s: %g of %g s", lists[i], s, sum);
	}
	json_decref(j);
	a = sagan("bench configs/bench28.yaml %s --profile", less);
	/* Which rows are long enough to be printed is another question each time. */
	static const char *const says[] = {"kind of work", "one step of a plan", "more, each below", "the mean: "};
	for (int i = 0; i < COUNT(says); i++)
		ck_assert_msg(strstr(a.text, says[i]) != NULL, "no %s in %s", says[i], a.text);
	/* Every convolution with its form; train.exact leaves out what is less exact than a direct sum. */
	for (int exact = 0; exact < 2; exact++) {
		a = sagan("bench configs/bench28.yaml --steps 1 --threads 1 --set model.g_channels=32 "
			  "--set model.d_channels=32 --set batch=4 --kernels --set train.exact=%s",
			  exact ? "true" : "false");
		ck_assert_msg(a.status == 0 && strstr(a.text, "dx 3x3, [") && strstr(a.text, ": 25 for 4, pooled\n"),
			      "%s", a.text);
		ck_assert_msg((strstr(a.text, ": F(4x4,3x3)\n") == NULL) == exact, "%s", a.text);
	}
	a = sagan("bench --layers --kernels");
	ck_assert_msg(a.status == 2 && strstr(a.text, "--kernels does not go with --layers"), "%s", a.text);
	a = sagan("bench --layers --profile");
	ck_assert_msg(a.status == 2 && strstr(a.text, "--profile does not go with --layers"), "%s", a.text);
}
END_TEST

/* As a run does: what D is shown in all updates of a step. */
START_TEST(bench_counts_the_images_of_a_step)
{
	const answer a = sagan("bench configs/bench28.yaml --json --steps 1 --threads 1 --set model.g_channels=8 --set "
		"model.d_channels=8 --set batch=4 --set optim.d_steps=3 --set optim.accumulate=2");
	json_t *j = json_loads(a.text, 0, NULL);
	ck_assert_msg(a.status == 0 && j, "%s", a.text);
	const double images = json_number_value(json_object_get(j, "images_per_s"))
		* json_number_value(json_object_get(j, "median_s"));
	ck_assert_msg(fabs(images - 4 * 3 * 2) < 1e-3, "%g images a step", images);
	json_decref(j);
}
END_TEST

START_TEST(bench_times_drawing)
{
	const char *less = "--steps 2 --threads 2 --set model.g_channels=8 --set model.d_channels=8";
	answer a = sagan("bench configs/bench28.yaml --sample --batch 3 --json %s", less);
	json_t *j = json_loads(a.text, 0, NULL);
	ck_assert_msg(a.status == 0 && j, "%s", a.text);
	static const char *const names[] = {"median_s", "min_s", "gflop", "peak_gflops", "arena_bytes", "maxrss_bytes"};
	for (int i = 0; i < COUNT(names); i++)
		ck_assert_msg(json_number_value(json_object_get(j, names[i])) > 0, "%s in %s", names[i], a.text);
	const double s = json_number_value(json_object_get(j, "median_s")), least = json_number_value(
		json_object_get(j, "min_s")), rate = json_number_value(json_object_get(j, "images_per_s"));
	ck_assert(least <= s && fabs(rate * s - 3) < 1e-3);
	json_decref(j);
	a = sagan("bench configs/bench28.yaml --sample %s", less);
	ck_assert_msg(a.status == 0 && strstr(a.text, "drawing 64 images at a time, 2 threads"), "%s", a.text);
	/* What follows from parameters alone was computed before, in no measured pass; all else once in each. */
	const char *path = scratch_at("drawing.json");
	a = sagan("bench configs/bench28.yaml --sample --profile --batch 2 --json %s >%s", less, path);
	j = json_load_file(path, 0, NULL);
	ck_assert_msg(a.status == 0 && j, "%s", a.text);
	json_t *row;
	size_t k;
	int before = 0;
	json_array_foreach(json_object_get(j, "nodes"), k, row) {
		const double runs = json_number_value(json_object_get(row, "runs"));
		const bool timed = json_number_value(json_object_get(row, "s")) > 0;
		ck_assert_msg(runs == timed, "%s: %g runs", json_string_value(json_object_get(row, "what")), runs);
		before += !timed;
	}
	ck_assert_int_gt(before, 0);
	json_decref(j);
	a = sagan("bench configs/bench28.yaml --sample --profile --kernels --batch 2 %s", less);
	ck_assert_msg(a.status == 0 && strstr(a.text, "  sample ") && strstr(a.text, "the mean: ")
		      && strstr(a.text, "  forward 3x3"), "%.2000s", a.text);
	a = sagan("bench configs/bench28.yaml --batch 3");
	ck_assert_msg(a.status == 2 && strstr(a.text, "--batch"), "%s", a.text);
}
END_TEST

/* OpenBLAS looks for 128 MB for ever, in threads of its own as soon as it is loaded. */
START_TEST(little_address_space_ends_in_a_line)
{
	const answer a = command("ulimit -v 200000; timeout -s KILL 100 %s train configs/demo.yaml --steps 1 --quiet "
		"--out %s", sagan_program(), scratch_at("r"));
	ck_assert_msg(a.status == 1 && a.lines == 1, "status %d: %s", a.status, a.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{answers_have_their_status_and_text, COUNT(ANSWERS)},
		{a_level_that_is_not_there_is_refused, 1},
		{little_address_space_ends_in_a_line, 1},
		{a_way_of_convolution_that_is_not_there_is_refused, 1},
		{a_page_has_a_name_of_its_own, 1},
		{keras_files_go_round, 1},
		{samples_become_what_they_are_called, 1},
		{standard_output_has_the_bytes_alone, 1},
		{what_was_learnt_is_not_replaced, 1},
		{attention_of_both_networks_is_drawn, 1},
		{help_fits_a_screen, 1},
		{man_page_and_completion_know_every_option, 1},
		{keys_are_listed_with_their_meaning, 1},
		{the_page_of_keys_is_what_the_program_prints, 1},
		{plans_are_printed, 1},
		{layers_are_counted_on_a_map, 1},
		{layers_of_other_widths_show_what_their_originals_do, 1},
		{a_run_is_trained_continued_and_sampled, 1},
		{a_signal_saves_and_says_how_to_go_on, 1},
		{a_time_limit_ends_the_run, 1},
		{what_goes_on_ends_where_the_start_wanted_to, 1},
		{a_pipe_that_nobody_reads_saves, 1},
		{only_files_are_replaced, 1},
		{an_image_of_a_batch_is_told, 1},
		{closed_descriptors_are_no_files, 1},
		{an_ignored_signal_stays_ignored, 1},
		{info_says_how_long_it_takes, 1},
		{missing_data_are_offered, 1},
		{the_folder_of_a_run_goes_on, 1},
		{a_run_that_lost_its_config_goes_on, 1},
		{a_run_is_moved_given_more_data_and_begun_from, 1},
		{classes_without_images_are_told, 1},
		{more_frozen_blocks_than_there_are_leave_nothing_behind, 1},
		{a_run_that_cannot_begin_leaves_nothing_behind, 1},
		{classes_have_names, 1},
		{ranges_are_printed_and_can_be_given, 1},
		{a_record_that_cannot_be_written, 1},
		{a_record_of_fewer_steps_is_complete, 1},
		{a_size_can_be_given_to_look_at_data, 1},
		{quiet_says_nothing, 1},
		{the_live_line_fits_the_terminal, 3},
		{a_narrow_terminal_has_short_lines, 2},
		{options_of_other_data_are_told, 1},
		{completion_offers_what_is_taken, 1},
		{the_arrays_have_a_checksum_of_their_own, 1},
		{a_file_size_limit_ends_in_a_line, 1},
		{threads_change_no_byte_of_a_checkpoint, 1},
		{bench_prints_one_line_of_json, 1},
		{bench_counts_the_images_of_a_step, 1},
		{bench_times_drawing, 1},
		{bench_says_where_the_time_goes, 1},
	};
	return suite_run("program", tests, COUNT(tests), 180);
}
