/* test_config.c - config files and --set: every kind of mistake with its message, and what is read. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/local.h"
#include "data/picture/png.h"
#include "gan/config/config_apply.h"
#include "gan/loss/losses.h"
#include "gan/loss/penalties.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/suite.h"

/* ---- mistakes ---- */

/* A file that is wrong, and the whole message. */
static const struct {
	const char *text, *message;
} WRONG_FILES[] = {
	/* the file as such */
	{"", "a.yaml:1: empty: a config is a list of `key: value` lines"},
	{"# nothing\n", "a.yaml:1: empty: a config is a list of `key: value` lines"},
	{"- 1\n- 2\n", "a.yaml:1: a config must be a list of `key: value` lines"},
	{"hello\n", "a.yaml:1: a config must be a list of `key: value` lines"},
	{"seed: 1\n---\nseed: 2\n", "a.yaml:2: a second document (---) begins here; one is allowed"},
	{"seed: 1\noptim: [1, 2\n",
	 "a.yaml:3: not YAML: did not find expected ',' or ']', while parsing a flow sequence"},
	{"seed: 1\n\tbatch: 2\n", "a.yaml:2: not YAML: found a tab character that violate"},
	{"name: \xff\xfe\n", "a.yaml: not a text: invalid leading UTF-8 octet at byte 6"},
	{"name: \x01\n", "a.yaml: not a text: control characters are not allowed at byte 6"},
	{"name: &a x\n", "a.yaml:1: an anchor (&name) is not allowed here; quote a text that begins with &"},
	{"seed: 1\nname: *a\n", "a.yaml:2: an alias (*name) is not allowed here; write the value out, or quote a text "
	 "that begins with *"},
	{"seed: !!int 1\n", "a.yaml:1: a tag (!name) is not allowed here; quote a text that begins with !"},
	{"data: [[[[[[[1]]]]]]]\n", "a.yaml:1: nested too deeply"},
	{"? [a, b]\n: 1\n", "a.yaml:1: a key must be a word"},
	/* keys */
	{"sede: 1\n", "a.yaml:1: sede = 1: unknown key; did you mean seed?"},
	{"optim:\n  lr_h: 1\n", "a.yaml:2: optim.lr_h = 1: unknown key; did you mean optim.lr_g?"},
	{"optim:\n  lr: 1\n", "a.yaml:2: optim.lr = 1: unknown key; did you mean optim.lr_g or optim.lr_d?"},
	{"lr: 1\n", "a.yaml:1: lr = 1: unknown key; did you mean optim.lr_g or optim.lr_d?"},
	{"loss:\n  penalt: 1\n", "a.yaml:2: loss.penalt = 1: unknown key; did you mean loss.penalty?"},
	{"lr_g: 1\n", "a.yaml:1: lr_g = 1: unknown key; did you mean optim.lr_g?"},
	{"loss:\n  lr_g: 1\n", "a.yaml:2: loss.lr_g = 1: unknown key; did you mean optim.lr_g?"},
	{"optim:\n  adam: {beta1: 0}\n",
	 "a.yaml:2: optim.adam = {...}: unknown key; `sagan info --keys` lists all"},
	{"qqqqqqqq: 1\n", "a.yaml:1: qqqqqqqq = 1: unknown key; `sagan info --keys` lists all"},
	{"seed: 1\nbatch: 2\nseed: 3\n", "a.yaml:3: seed: set twice, first in line 1"},
	{"data:\n  flip: true\noptim:\n  lr_g: 1\ndata:\n  limit: 1\n", "a.yaml:5: data: set twice, first in line 1"},
	{"optim:\n  lr_g: 1\n  lr_g: 1\n", "a.yaml:3: optim.lr_g = 1: set twice, first in line 2"},
	{"optim.lr_g: 1\noptim:\n  lr_g: 2\n", "a.yaml:3: optim.lr_g = 2: set twice, first in line 1"},
	{"optim: 3\n", "a.yaml:1: optim = 3: a section: its keys must follow, indented, one per line"},
	{"optim:\n", "a.yaml:1: optim = : a section: its keys must follow, indented, one per line"},
	/* types and ranges */
	{"batch: {a: 1}\n", "a.yaml:1: batch = {...}: must be a whole number from 1 to 65536"},
	{"batch: [1]\n", "a.yaml:1: batch = [1]: must be a whole number from 1 to 65536"},
	{"\n\nbatch: 0\n", "a.yaml:3: batch = 0: must be a whole number from 1 to 65536"},
	{"batch: 65537\n", "a.yaml:1: batch = 65537: must be a whole number from 1 to 65536"},
	{"batch: 64x\n", "a.yaml:1: batch = 64x: must be a whole number from 1 to 65536"},
	{"batch: 6.4\n", "a.yaml:1: batch = 6.4: must be a whole number from 1 to 65536"},
	{"batch: 1e2\n", "a.yaml:1: batch = 1e2: must be a whole number from 1 to 65536"},
	{"batch: \"64\"\n", "a.yaml:1: batch = \"64\": must be a whole number from 1 to 65536"},
	{"batch:\n", "a.yaml:1: batch = : must be a whole number from 1 to 65536"},
	{"steps: 99999999999999999999\n",
	 "a.yaml:1: steps = 99999999999999999999: must be a whole number from 1 to 1000000000"},
	{"optim:\n  lr_g: fast\n", "a.yaml:2: optim.lr_g = fast: must be a number from 0 to 100"},
	{"optim:\n  lr_g: 1e-4e\n", "a.yaml:2: optim.lr_g = 1e-4e: must be a number from 0 to 100"},
	{"optim:\n  lr_g: -1e-4\n", "a.yaml:2: optim.lr_g = -1e-4: must be a number from 0 to 100"},
	{"optim:\n  lr_g: nan\n", "a.yaml:2: optim.lr_g = nan: must be a number from 0 to 100"},
	{"optim:\n  lr_g: 0x1p3\n", "a.yaml:2: optim.lr_g = 0x1p3: must be a number from 0 to 100"},
	{"optim:\n  beta2: [0.9]\n",
	 "a.yaml:2: optim.beta2 = [0.9]: must be a number from 0 to 0.9999999, or two as [from, to]"},
	{"optim:\n  beta2: [0.9, 1, 0]\n",
	 "a.yaml:2: optim.beta2 = [0.9, 1, 0]: must be a number from 0 to 0.9999999, or two as [from, to]"},
	{"augment:\n  probability: [0, 1.5]\n",
	 "a.yaml:2: augment.probability = [0, 1.5]: must be a number from 0 to 1, or two as [from, to]"},
	{"optim:\n  beta1: 1\n", "a.yaml:2: optim.beta1 = 1: must be a number from 0 to 0.999999"},
	{"data:\n  flip: 1\n", "a.yaml:2: data.flip = 1: must be true or false"},
	{"data:\n  flip: \"yes\"\n", "a.yaml:2: data.flip = \"yes\": must be true or false"},
	{"name: [a]\n", "a.yaml:1: name = [a]: must be a text of 1 to 64 bytes"},
	{"name: \"\"\n", "a.yaml:1: name = \"\": must be a text of 1 to 64 bytes"},
	{"loss:\n  name: hing\n", "a.yaml:2: loss.name = hing: did you mean hinge? must be hinge, ns, kl, minimax, ls, "
	 "wgan, keras_hinge or rpgan"},
	{"loss:\n  name: 7\n",
	 "a.yaml:2: loss.name = 7: must be hinge, ns, kl, minimax, ls, wgan, keras_hinge or rpgan"},
	{"data:\n  class_names: [cat, \"a,b\"]\n",
	 "a.yaml:2: data.class_names = [cat, \"a,b\"]: each must be a name without a comma; must be a list of names, "
	 "or a text; 1 to 511 bytes in all"},
	{"data:\n  class_names: []\n",
	 "a.yaml:2: data.class_names = []: must be a list of names, or a text; 1 to 511 bytes in all"},
	{"data:\n  background: pink\n", "a.yaml:2: data.background = \"pink\": must be white, black, gray or #rrggbb"},
	{"data:\n  range: 0..2\n",
	 "a.yaml:2: data.range = 0..2: did you mean 0..1? must be auto, 0..1, -1..1, 0..255 or 0..65535"},
	{"augment:\n  policy: [color, blur]\n",
	 "a.yaml:2: augment.policy = [color, blur]: must be none or a list of color, translation, "
	 "cutout, flip, rotate90, shift, scale, rotate, stretch or fraction"},
	{"augment:\n  policy: [color, color]\n",
	 "a.yaml:2: augment.policy = [color, color]: color appears twice; must be none or a list of "
	 "color, translation, cutout, flip, rotate90, shift, scale, rotate, stretch or fraction"},
	{"model:\n  layers_g: [16, x]\n",
	 "a.yaml:2: model.layers_g = [16, x]: must be auto, none or a list of sides like [16, 32]"},
	{"model:\n  layers_g: [16, 16]\n",
	 "a.yaml:2: model.layers_g = [16, 16]: 16 appears twice; must be auto, none or a list of sides "
	 "like [16, 32]"},
	{"model:\n  layers_g: [{type: plain}]\n",
	 "a.yaml:2: model.layers_g = [{...}]: a site must say at: SIDE; must be auto, none or a list "
	 "of sides like [16, 32]"},
	{"model:\n  layers_g: [{at: 16, type: plane}]\n",
	 "a.yaml:2: model.layers_g = [{...}]: type plane: no such layer; "
	 "`sagan layers` lists them; must be auto, none or a list of sides like [16, 32]"},
	{"model:\n  layers_g: [{at: 16, heads: 4}]\n",
	 "a.yaml:2: model.layers_g = [{...}]: unknown argument heads of official; it has at, "
	 "type, place, gamma, key_width, value_width, pool; must be auto, none or a list of sides like [16, 32]"},
	{"model:\n  layers_g: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n",
	 "a.yaml:2: model.layers_g = [1, 2, 3, 4, 5, 6, 7, 8, 9]: more than 8 layers; must be auto, "
	 "none or a list of sides like [16, 32]"},
	{"model:\n  layers_g: [{at: 16, type: halo, block: 0}]\n",
	 "a.yaml:2: model.layers_g = [{...}]: block 0: must be a whole number from 1 to 512; must be auto, none or a "
	 "list of sides like [16, 32]"},
	{"model:\n  network: resnet28\n  layers_g: [{at: 14, type: halo, block: 4}]\n",
	 "a.yaml:3: model.layers_g = [{at: 14, type: halo, block: 4}]: layer at 14 in G: halo: block = 4: must "
	 "divide the map's side, 14; 1, 2, 7, 14 fit"},
	{"model:\n  layers_g: [16]\n  attention_g: [8]\n",
	 "a.yaml:3: model.layers_g = [8]: set twice, first in line 2; its old name is model.attention_g, use one"},
	{"model:\n  attention_d: [16]\n  layers_d: [8]\n",
	 "a.yaml:3: model.layers_d = [8]: set twice, first in line 2; its old name is model.attention_d, use one"},
	{"model:\n  attention_g: [16, x]\n",
	 "a.yaml:2: model.layers_g = [16, x]: must be auto, none or a list of sides like [16, 32]"},
	{"model:\n  layers_g: [{at: 16, at: 8}]\n",
	 "a.yaml:2: model.layers_g = [{...}]: at appears twice; must be auto, none or a list of sides like [16, 32]"},
	/* what fits no network */
	{"name: a/b\n",
	 "a.yaml:1: name = \"a/b\": names a folder: no slashes, blanks, control characters or leading dot"},
	{"name: .a\n",
	 "a.yaml:1: name = \".a\": names a folder: no slashes, blanks, control characters or leading dot"},
	{"model:\n  network: resnet\n  size: 30\n",
	 "a.yaml:3: model.size = 30: must be 4 to 7 times 2^blocks; nearest are 28, 32"},
	{"model:\n  network: resnet\n",
	 "a.yaml: model.size = 0 (the default): must be given: 4 to 7 times 2^blocks, as 28, 32, 48, 64, 96 or 128"},
	{"model:\n  network: resnet\n  size: [90, 60]\n",
	 "a.yaml:3: model.size = [90, 60]: the shorter side must be 4 to 7 times 2^blocks, the other a multiple of "
	 "2^blocks; nearest are [88, 56], [96, 56], [96, 64]"},
	{"model:\n  network: resnet\n  size: [0, 0]\n",
	 "a.yaml:3: model.size = [0, 0]: must be a whole number from 0 to 512, or two as [height, width]"},
	{"model:\n  network: resnet\n  size: [96, 64, 3]\n",
	 "a.yaml:3: model.size = [96, 64, 3]: must be a whole number from 0 to 512, or two as [height, width]"},
	{"model:\n  network: resnet\n  size: [96]\n",
	 "a.yaml:3: model.size = [96]: must be a whole number from 0 to 512, or two as [height, width]"},
	{"model:\n  network: resnet\n  size: [96, 1024]\n",
	 "a.yaml:3: model.size = [96, 1024]: must be a whole number from 0 to 512, or two as [height, width]"},
	{"model:\n  network: resnet\n  size: 96x64\n",
	 "a.yaml:3: model.size = 96x64: must be a whole number from 0 to 512, or two as [height, width]"},
	{"model:\n  network: official128\n  size: [128, 64]\n",
	 "a.yaml:3: model.size = [128, 64]: official128 has size 128; network = official takes its size from here"},
	{"model:\n  network: resnet\n  size: [24, 16]\n  layers_g: [12]\n",
	 "a.yaml:4: model.layers_g = [12]: layer at 12: G has maps of 4 (6x4), 8 (12x8), 16 (24x16)"},
	{"model:\n  network: resnet\n  size: [24, 16]\n  layers_g: [{at: 8, type: halo, block: 8}]\n",
	 "a.yaml:4: model.layers_g = [{at: 8, type: halo, block: 8}]: layer at 8 in G: halo: block = 8: must divide "
	 "both sides of the map 12x8, whose common divisor is 4; 1, 2, 4 fit"},
	{"model:\n  network: resnet32\n  size: 64\n",
	 "a.yaml:3: model.size = 64: resnet32 has size 32; network = resnet takes its size from here"},
	{"model:\n  network: resnet28\n  layers_g: [12]\n",
	 "a.yaml:3: model.layers_g = [12]: layer at 12: G has maps of 7, 14, 28"},
	{"model:\n  network: resnet28\n  layers_d: [28]\n",
	 "a.yaml:3: model.layers_d = [28]: layer at 28: D has maps of 14, 7"},
	{"model:\n  network: resnet28\n  layers_g: [7]\n",
	 "a.yaml:3: model.layers_g = [7]: layer at 7 in G: attention: map 7x7: keys and values are "
	 "pooled 2x2, height and width must be even"},
	{"model:\n  g_channels: 4\n",
	 "a.yaml:2: model.g_channels = 4: layer at 16 in G: attention: 4 channels: query width C/8 is "
	 "0; at least 8 channels are needed"},
	{"model:\n  d_channels: 4\n",
	 "a.yaml:2: model.d_channels = 4: layer at 16 in D: attention: 4 channels: query width C/8 is "
	 "0; at least 8 channels are needed"},
	{"score:\n  count: 1\n",
	 "a.yaml:2: score.count = 1: one image has no spread; must be 0 (no scores) or 2 to 100000"},
	{"train:\n  score_count: 1\n",                 /* its name in 0.1.0; the message has the new one */
	 "a.yaml:2: score.count = 1: one image has no spread; must be 0 (no scores) or 2 to 100000"},
	{"score:\n  metric: inception\n",
	 "a.yaml:2: score.metric = inception: must be auto, fid or pixels"},
	{"model:\n  channels: 2\n",
	 "a.yaml:2: model.channels = 2: must be 1 (gray), 3 (colour) or 0 (as the data)"},
	{"model:\n  network: mnistgans28\n  conditional: true\n",
	 "a.yaml:3: model.conditional = true: the mnistgans network is unconditional"},
	{"model:\n  network: dcgan\n  size: 32\nloss:\n  penalty: r1\n",
	 "a.yaml:5: loss.penalty = r1: a discriminator with batch norm has no gradient of one sample; must be none for "
	 "this network"},
	{"optim:\n  momentum: 0.5\n",
	 "a.yaml:2: optim.momentum = 0.5: must be in [0, 1), and 0 unless the rule is SGD"},
	{"model:\n  sn_eps: 0\n", "a.yaml:2: model.sn_eps = 0: must be a number from 1e-30 to 0.1"},
	{"model:\n  init_gain: 0\n", "a.yaml:2: model.init_gain = 0: must be a number from 0.01 to 100"},
	{"model:\n  network: mnistgans28\n  conditional: false\n  channels: 1\n  latent: 100\nloss:\n  penalty: gp\n",
	 "a.yaml:7: loss.penalty = gp: a discriminator with batch norm has no gradient of one sample; "
	 "must be none for this network"},
	{"augment:\n  policy: [flip]\n  target: 0.6\nloss:\n  name: rpgan\n",
	 "a.yaml:3: augment.target = 0.6: rpgan has no border between real and fake images that a sign could tell; "
	 "must be 0, and augment.probability may be [from, to]"},
	{"augment:\n  policy: [flip]\n  target: 0.6\nloss:\n  name: wgan\n",
	 "a.yaml:3: augment.target = 0.6: wgan has no border between real and fake images that a sign could tell; "
	 "must be 0, and augment.probability may be [from, to]"},
	{"augment:\n  target: 0.6\n",
	 "a.yaml:2: augment.target = 0.6: augment.policy is none, so nothing is adapted; must be 0"},
	{"augment:\n  policy: [flip]\n  target: 0.6\n  probability: 0\n",
	 "a.yaml:3: augment.target = 0.6: augment.probability, its limit, is 0, so nothing is adapted; must be 0"},
	{"model: {classes: 10, cbn_form: table, cbn_sn: true}\n",
	 "a.yaml:1: model.cbn_sn = true: the biases of model.cbn_form = table begin at zero and have no norm; must be "
	 "false, or model.cbn_form = one_plus"},
	{"model:\n  sn_update: real_only\n",
	 "a.yaml:2: model.sn_update = real_only: real images have no pass of their own with loss.d_batch "
	 "= joint; set loss.d_batch = separate or model.sn_update = every_forward"},
};

static bool read_text(config *c, const char *text, fault *e)
{
	config_init(c);
	return config_parse(c, text, strlen(text), "a.yaml", e) && config_check(c, e)
		&& config_check_training(c, e);
}

START_TEST(wrong_files_are_refused_with_their_message)
{
	config c;
	fault e = {.text = ""};
	const bool ok = read_text(&c, WRONG_FILES[_i].text, &e);
	ck_assert_msg(!ok, "accepted: %s", WRONG_FILES[_i].text);
	/* Some versions of libyaml say "violate", others "violates": a message that ends so is the beginning of one. */
	char *goes_on = strstr(e.text, "that violate");
	if (goes_on)
		goes_on[strlen("that violate")] = '\0';
	ck_assert_str_eq(e.text, WRONG_FILES[_i].message);
	config_free(&c);
}
END_TEST

/* A run of an earlier version may have done it, and its checkpoints can still be opened. */
START_TEST(what_is_wrong_for_training_alone_can_be_drawn_from)
{
	static const char text[] = "augment: {policy: [flip], target: 0.6}\nloss: {name: wgan}\n";
	config c;
	fault e = {.text = ""};
	ck_assert(!read_text(&c, text, &e));
	ck_assert_msg(config_check(&c, &e), "%s", e.text);
	config_free(&c);
}
END_TEST

/* The same for --set, after the defaults. */
static const struct {
	const char *set, *message;
} WRONG_SETS[] = {
	{"batch", "command line: --set batch: must be KEY=VALUE, as optim.lr_g=1e-4"},
	{"batch=", "command line: batch = : must be a whole number from 1 to 65536"},
	{"batch=0", "command line: batch = 0: must be a whole number from 1 to 65536"},
	{"bach=1", "command line: bach = 1: unknown key; did you mean batch?"},
	{"optim.lr=3", "command line: optim.lr = 3: unknown key; did you mean optim.lr_g or optim.lr_d?"},
	{"loss.top=1", "command line: loss.top = 1: unknown key; did you mean loss.top_k, loss.top_k_decay or "
	 "loss.top_k_start?"},
	{"step=1", "command line: step = 1: unknown key; did you mean steps?"},
	{"lr_d=1", "command line: lr_d = 1: unknown key; did you mean optim.lr_d?"},
	{"=1", "command line:  = 1: unknown key; `sagan info --keys` lists all"},
	{"optim=1", "command line: optim = 1: a section: name one of its keys, as SECTION.KEY=VALUE"},
	{"batch=[1",
	 "command line: batch = [1: not YAML: did not find expected ',' or ']', while parsing a flow sequence"},
	{"batch=*a", "command line: batch = *a: an alias (*name) is not allowed here; write the value out, or quote a "
	 "text that begins with *"},
	{"data.flip=1", "command line: data.flip = 1: must be true or false"},
	{"name=", "command line: name = : must be a text of 1 to 64 bytes"},
	{"data.path=d\xe9", "command line: data.path = d?: is not UTF-8, and so no config can hold it; must be a "
	 "text of 0 to 511 bytes"},
	/* what is wrong for every config, though in its range */
	{"name=a b",
	 "command line: name = \"a b\": names a folder: no slashes, blanks, control characters or leading dot"},
	{"model.channels=2", "command line: model.channels = 2: must be 1 (gray), 3 (colour) or 0 (as the data)"},
	{"data.background=pink",
	 "command line: data.background = \"pink\": must be white, black, gray or #rrggbb"},
	{"train.slices=3", "command line: train.slices = 3: must be 1, 2, 4, 8, 16, 32 or 64"},
	{"score.count=1",
	 "command line: score.count = 1: one image has no spread; must be 0 (no scores) or 2 to 100000"},
};

START_TEST(wrong_assignments_are_refused_with_their_message)
{
	config c;
	fault e = {.text = ""};
	config_init(&c);
	ck_assert(!config_set(&c, WRONG_SETS[_i].set, &e));
	ck_assert_str_eq(e.text, WRONG_SETS[_i].message);
	ck_assert_msg(config_check(&c, &e), "the config is not as it was: %s", e.text);
	config_free(&c);
}
END_TEST

/* Values of a checked config that data or a cross check find wrong are told with their line. */
START_TEST(data_that_do_not_fit_name_the_key)
{
	static const struct {
		const char *text;
		int64_t images;
		int channels, classes;
		const char *message;
	} rows[] = {
		{"batch: 64\n", 63, 3, 10, "a.yaml:1: batch = 64: the data have 63 images; must be 1 to 63"},
		{"seed: 1\nmodel:\n  channels: 1\n", 64, 3, 10,
		 "a.yaml:3: model.channels = 1: the images have 3; must be 3, or 0 (as the data)"},
		{"seed: 1\n", 64, 3, 0,
		 "a.yaml: model.conditional = true (the network's own): the data have no labels; must be false"},
		{"model:\n  classes: 5\n", 64, 3, 10,
		 "a.yaml:2: model.classes = 5: the data have 10 classes; must be 0 (as the data), 10 or more"},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		config c;
		fault e = {.text = ""};
		ck_assert_msg(read_text(&c, rows[i].text, &e), "%s", e.text);
		ck_assert(!config_fit_data(&c, rows[i].images, rows[i].channels, rows[i].classes, &e));
		ck_assert_str_eq(e.text, rows[i].message);
		config_free(&c);
	}
}
END_TEST

/* Words of YAML 1.1 as people write them; null is "not given". */
START_TEST(words_of_yaml_are_known)
{
	static const struct {
		const char *text;
		bool flip;
	} rows[] = {
		{"true", true}, {"True", true}, {"TRUE", true}, {"yes", true}, {"Yes", true}, {"on", true},
		{"ON", true}, {"y", true}, {"N", false},
		{"false", false}, {"False", false}, {"no", false}, {"NO", false}, {"off", false},
		{"~", false}, {"null", false}, {"Null", false},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		config c;
		char text[64];
		fault e = {.text = ""};
		snprintf(text, sizeof text, "data: {flip: %s}\noptim: ~\nbatch: null\n", rows[i].text);
		ck_assert_msg(read_text(&c, text, &e), "%s", e.text);
		ck_assert_int_eq(c.data.flip, rows[i].flip);
		ck_assert_int_eq(c.batch, 64);
		config_free(&c);
	}
}
END_TEST

/* Data are looked for from the working directory, then from the config's folder and those above it; ~ is HOME. */
START_TEST(data_are_found_from_the_config)
{
	char text[128], file[512];
	const char *root = scratch_folder();
	ck_assert_int_eq(command("mkdir -p %s/runs/one && cp -r data/mnist %s/digits", root, root).status, 0);
	snprintf(file, sizeof file, "%s/runs/one/config.yaml", root);
	const char *given[] = {"digits", "~/digits"};
	char here[512];
	setenv("HOME", root, 1);
	/* The name of the config may have fewer folders in it than lie above it. */
	ck_assert(getcwd(here, sizeof here) && chdir(root) == 0);
	for (int i = 0; i < COUNT(given); i++) {
		config c;
		dataset *d;
		fault e = {.text = ""};
		snprintf(text, sizeof text, "data: {path: %s, limit: 100}\nmodel: {network: resnet28}\n", given[i]);
		file_store(file, text, strlen(text));
		ck_assert_int_eq(chdir("runs/one"), 0);
		config_init(&c);
		ck_assert_msg(config_load(&c, i ? file : "config.yaml", &e) && config_check(&c, &e), "%s", e.text);
		ck_assert_msg(config_open_data(&c, &d, &e), "%s", e.text);
		ck_assert_int_eq(d->n, 100);
		ck_assert_str_eq(c.data.path, given[i]);
		ck_assert_int_eq(chdir(root), 0);
		dataset_free(d);
		config_free(&c);
	}
	ck_assert_int_eq(chdir(here), 0);
}
END_TEST

START_TEST(missing_data_name_the_line_of_the_path)
{
	config c;
	fault e = {.text = ""};
	dataset *d;
	ck_assert(read_text(&c, "seed: 1\ndata:\n  path: no/such/folder\n", &e));
	ck_assert(!config_open_data(&c, &d, &e));
	ck_assert_ptr_null(d);
	ck_assert_msg(strncmp(e.text, "a.yaml:3: data.path = \"no/such/folder\": ", 40) == 0, "%s", e.text);
	config_free(&c);
	/* not of data.class_names, whose default is that word, or which is the same file */
	static const char *const same[] = {"auto", "[cat, dog]", "nothing"};
	for (int i = 0; i < COUNT(same); i++) {
		char text[128];
		snprintf(text, sizeof text, "data:\n  path: %s\n  class_names: %s\n", i < 2 ? "auto" : same[i],
			same[i]);
		ck_assert_msg(read_text(&c, text, &e), "%s", e.text);
		ck_assert(!config_open_data(&c, &d, &e));
		ck_assert_msg(strncmp(e.text, "a.yaml:2: data.path = ", 22) == 0, "%s", e.text);
		config_free(&c);
	}
	ck_assert(read_text(&c, "seed: 1\n", &e));
	ck_assert(!config_open_data(&c, &d, &e));
	ck_assert_str_eq(e.text, "a.yaml: data.path = \"\" (the default): must name the folder or file with the "
		"images");
	config_free(&c);
	ck_assert(read_text(&c, "data: {format: random}\n", &e));
	ck_assert(!config_open_data(&c, &d, &e));
	ck_assert_str_eq(e.text, "a.yaml: model.channels = 0 (the default): random data have no channels to follow; "
			 "must be 1 or 3");
	config_free(&c);
}
END_TEST

/* Pictures of 30x20 for a network of [24, 16], by every way of data.resize; refused without. */
START_TEST(pictures_are_brought_to_a_rectangle)
{
	static const char *const ways[] = {"crop", "fit", "stretch", "pad", "none"};
	static uint8_t x[30 * 20];
	fault e = {.text = ""};
	for (int i = 0; i < COUNT(x); i++)
		x[i] = (uint8_t)(i / 20 * 8);
	for (int i = 0; i < 3; i++) {
		char name[32];
		snprintf(name, sizeof name, "tall/%d.png", i);
		ck_assert_msg(png_write(scratch_at(name), x, 30, 20, 1, &e), "%s", e.text);
	}
	for (int i = 0; i < COUNT(ways); i++) {
		char text[600];
		config c;
		dataset *d;
		snprintf(text, sizeof text, "batch: 2\ndata: {path: %s, resize: %s}\nmodel: {network: resnet, "
			"size: [24, 16], conditional: false}\n", scratch_at("tall"), ways[i]);
		ck_assert_msg(read_text(&c, text, &e), "%s", e.text);
		const bool ok = config_open_data(&c, &d, &e);
		ck_assert_int_eq(ok, strcmp(ways[i], "none") != 0);
		if (ok)
			ck_assert(d->h == 24 && d->w == 16);
		else
			ck_assert_str_eq(e.text, "a.yaml:2: data.resize = none: images are 30x20, the network makes "
				"24x16; must be crop, fit, stretch or pad");
		dataset_free(d);
		config_free(&c);
	}
}
END_TEST

/* Images of another size: the networks that make it are those of the catalogue. */
START_TEST(other_networks_for_a_size_are_named)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"data: {path: data/mnist, limit: 100}\n",
		 "a.yaml: data.resize = none (the default): images are 28x28, the network makes 32x32; must be crop, "
		 "fit, stretch or pad, or model.network resnet28 or mnistgans28, or resnet or dcgan with model.size = "
		 "28"},
		{"data: {path: data/cifar10-mini, limit: 100}\nmodel: {network: resnet, size: 64}\n",
		 "a.yaml: data.resize = none (the default): images are 32x32, the network makes 64x64; must be crop, "
		 "fit, stretch or pad, or model.network resnet32, or resnet or dcgan with model.size = 32"},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		config c;
		dataset *d;
		fault e = {.text = ""};
		ck_assert_msg(read_text(&c, rows[i].text, &e), "%s", e.text);
		ck_assert(!config_open_data(&c, &d, &e));
		ck_assert_str_eq(e.text, rows[i].message);
		config_free(&c);
	}
}
END_TEST

/* A folder of pictures with a bad one: the message has the line of the path and the name of the file. */
START_TEST(the_bad_file_of_a_folder_is_named)
{
	char text[600], message[1024];
	config c;
	fault e = {.text = ""};
	dataset *d;
	FILE *f = fopen(scratch_at("pictures/7.png"), "wb");
	ck_assert(f && fputs("no picture", f) >= 0 && fclose(f) == 0);
	snprintf(text, sizeof text, "data: {path: %s, format: png}\nmodel: {conditional: false}\n",
		scratch_at("pictures"));
	ck_assert_msg(read_text(&c, text, &e), "%s", e.text);
	ck_assert(!config_open_data(&c, &d, &e));
	snprintf(message, sizeof message, "a.yaml:1: data.path = \"%s\": %s: ", scratch_at("pictures"),
		 scratch_at("pictures/7.png"));
	ck_assert_msg(strncmp(e.text, message, strlen(message)) == 0, "%s", e.text);
	config_free(&c);
}
END_TEST

START_TEST(large_and_missing_files_are_refused)
{
	config c;
	fault e;
	const size_t n = (1 << 20) + 1;
	char *text = malloc(n);
	memset(text, '#', n);
	config_init(&c);
	ck_assert(!config_parse(&c, text, n, "a.yaml", &e));
	ck_assert_str_eq(e.text, "a.yaml: larger than 1048576 bytes: not a config");
	free(text);
	ck_assert(!config_load(&c, "no/such.yaml", &e));
	ck_assert_str_eq(e.text, "no/such.yaml: No such file or directory");
	ck_assert(!config_load(&c, "tests", &e));
	ck_assert_str_eq(e.text, "tests: a folder, not a regular file");
	config_free(&c);
}
END_TEST

/* A failed read leaks nothing and leaves a config that can be freed: every prefix of a file. */
START_TEST(every_prefix_of_a_file_is_read_or_refused)
{
	static const char text[] = "name: a\nmodel:\n  layers_g: [8, {at: 16, type: plain}]\n  size: 32\n"
		"augment: {policy: [color, cutout]}\noptim:\n  lr_g: \"1\"\n";
	for (size_t n = 0; n < sizeof text; n++) {
		config c;
		fault e = {.text = ""};
		config_init(&c);
		const bool ok = config_parse(&c, text, n, "a.yaml", &e);
		ck_assert(ok || strncmp(e.text, "a.yaml", 6) == 0);
		config_free(&c);
	}
}
END_TEST

/* ---- what is read ---- */

START_TEST(values_arrive_in_their_fields)
{
	static const char text[] =
		"name: test\nseed: 7\nsteps: 12\nbatch: 8\n"
		"data: {path: some where, format: png, split: all, resize: pad, flip: true, limit: 9, coarse: true,\n"
		"  range: -1..1, images: faces, class_names: [a b, c], background: \"#010203\"}\n"
		"model:\n  network: resnet\n  size: 64\n  channels: 3\n  latent: 16\n  conditional: false\n"
		"  attention: paper\n  layers_g: [8, {at: 16, type: plain}]\n  layers_d: 32\n  d_skip: relu\n"
		"loss: {name: wgan, penalty: gp, penalty_weight: [2.5, .5], d_batch: separate}\n"
		"optim: {kind: adamw, form: keras, lr_g: 1e-3, lr_d: 2E-4, schedule: cosine, clip_norm: .5}\n"
		"ema: {decay: 0, bn_mode: standing}\n"
		"augment: {policy: [cutout, color]}\n"
		"train: {out: \"a # b\", threads: 3}\n";
	config c;
	fault e = {.text = ""};
	ck_assert_msg(read_text(&c, text, &e), "%s", e.text);
	ck_assert_str_eq(c.name, "test");
	ck_assert(c.seed == 7 && c.steps == 12 && c.batch == 8);
	ck_assert_str_eq(c.data.path, "some where");
	ck_assert_str_eq(config_choice("data.format", c.data.format), "pictures");
	ck_assert(c.data.split == SPLIT_ALL && c.data.resize == RESIZE_PAD);
	ck_assert(c.data.flip && c.data.limit == 9 && c.data.coarse && c.data.range == RANGE_SIGNED);
	ck_assert_str_eq(c.data.images, "faces");
	ck_assert_str_eq(c.data.class_names, "a b, c");
	ck_assert_str_eq(c.data.background, "#010203");
	ck_assert_str_eq(config_choice("model.network", c.model.network), "resnet");
	ck_assert(net_size_is(c.net.size, 64) && !c.model.conditional);
	ck_assert(c.model.layers_g.n == 2 && c.model.layers_d.n == 1);
	ck_assert(c.model.layers_g.layer[0].at == 8 && c.model.layers_g.layer[0].type == layer_type_named("paper"));
	ck_assert(c.model.layers_g.layer[1].at == 16 && c.model.layers_g.layer[1].type == layer_type_named("plain"));
	ck_assert(c.model.layers_d.layer[0].at == 32 && c.net.d_skip == SKIP_RELU);
	ck_assert_str_eq(gan_losses[c.loss.name].name, "wgan");
	ck_assert_str_eq(gan_penalties[c.loss.penalty].name, "gp");
	ck_assert(c.loss.d_batch == D_BATCH_SEPARATE);
	ck_assert(c.loss.penalty_weight.from == 2.5 && c.loss.penalty_weight.to == 0.5);
	ck_assert(c.loss.penalty_weight_fake.from == 0 && c.optim.beta2.from == 0.9 && c.optim.beta2.to == 0.9);
	ck_assert(c.optim.lr_g == 1e-3 && c.optim.lr_d == 2e-4);
	ck_assert(c.optim.rule.rule == RULE_ADAMW && c.optim.rule.form == UPDATE_KERAS
		&& c.optim.course.decay == DECAY_COSINE);
	ck_assert(c.optim.clip_norm == 0.5 && c.ema.decay == 0 && c.ema.bn_mode == BN_STANDING);
	ck_assert_int_eq(c.augment.n, 2);
	ck_assert_str_eq(diff_augments[c.augment.kind[0]].name, "cutout");
	ck_assert_str_eq(diff_augments[c.augment.kind[1]].name, "color");
	ck_assert_str_eq(c.train.out, "a # b");
	ck_assert_str_eq(c.source, text);
	config_free(&c);
}
END_TEST

START_TEST(assignments_take_the_path_of_the_file)
{
	config c;
	fault e = {.text = ""};
	config_init(&c);
	ck_assert_msg(config_set(&c, "optim.lr_g=3e-4", &e), "%s", e.text);
	ck_assert_msg(config_set(&c, "model.layers_g=[8, 16]", &e), "%s", e.text);
	ck_assert_msg(config_set(&c, "model.layers_d=none", &e), "%s", e.text);
	ck_assert_msg(config_set(&c, "data.path=a: #b=c\"", &e), "%s", e.text);
	ck_assert_msg(config_set(&c, "train.out=", &e), "%s", e.text);
	ck_assert(c.optim.lr_g == 3e-4 && c.model.layers_g.n == 2 && c.model.layers_d.n == 0);
	ck_assert_str_eq(c.data.path, "a: #b=c\"");
	ck_assert(config_set(&c, "model.size=30", &e));
	ck_assert(!config_check(&c, &e));
	ck_assert_msg(strncmp(e.text, "command line: model.size = 30: ", 31) == 0, "%s", e.text);
	config_free(&c);
}
END_TEST

/* As version 0.1.0 wrote them, in files, checkpoints and command lines. What is written today has the new ones. */
START_TEST(old_names_of_keys_mean_the_same)
{
	config old, new;
	fault e = {.text = ""};
	int at[CONFIG_KEYS_MAX];
	ck_assert_msg(read_text(&old,
				"model: {network: resnet28, attention_g: none, attention_d: [{at: 14, type: halo}]}\n",
				&e), "%s", e.text);
	ck_assert_msg(read_text(&new, "model: {network: resnet28, layers_g: none, layers_d: [{at: 14, type: halo}]}\n",
		      &e), "%s", e.text);
	ck_assert_int_eq(config_diff(&old, &new, at), 0);
	char *text = config_text(&old, &e);
	ck_assert(strstr(text, "  layers_g: none\n") && strstr(text, "  layers_d: [{at: 14, type: halo}]\n"));
	ck_assert(!strstr(text, "attention_g") && !strstr(text, "attention_d"));
	/* A value of the command line takes the place of the file's under either name. */
	ck_assert_msg(config_set(&new, "model.attention_g=[14]", &e) && config_set(&old, "model.layers_g=[14]", &e),
		      "%s", e.text);
	ck_assert(old.model.layers_g.n == 1 && config_diff(&old, &new, at) == 0);
	ck_assert(config_set(&new, "model.attention_g=[7]", &e) && new.model.layers_g.layer[0].at == 7);
	ck_assert(!config_set(&new, "model.layers_g=[28]", &e));
	ck_assert_str_eq(e.text, "command line: model.layers_g = [28]: set twice, under its old name, too; use one of "
			 "the names");
	free(text);
	config_free(&old);
	config_free(&new);
}
END_TEST

/* What the network's authors chose takes the place of 0 and auto; a second check changes nothing. */
START_TEST(check_settles_what_follows_the_network)
{
	config c, again;
	fault e = {.text = ""};
	int at[CONFIG_KEYS_MAX];
	ck_assert_msg(read_text(&c, "model: {network: resnet28, attention: plain}\n", &e), "%s", e.text);
	ck_assert(net_size_is(c.net.size, 28) && c.net.g_width > 0 && c.net.d_width > 0);
	ck_assert(c.model.layers_g.n == 1 && c.model.layers_g.layer[0].at == 14);
	ck_assert(c.model.layers_g.layer[0].type == layer_type_named("plain"));
	ck_assert(c.model.channels == 0 && c.model.classes == 0);
	ck_assert(config_copy(&again, &c, &e) && config_check(&again, &e));
	ck_assert_int_eq(config_diff(&c, &again, at), 0);
	ck_assert(config_fit_data(&c, 100, 1, 7, &e));
	ck_assert(c.model.channels == 1 && c.model.classes == 7);
	config_free(&c);
	config_free(&again);
}
END_TEST

/* The fields of net_config that are keys are those of net_config_default for every network that is named alone. */
START_TEST(a_network_alone_is_the_published_one)
{
	static const size_t bytes[] = {
		[KEY_INT] = sizeof(int), [KEY_REAL] = sizeof(double), [KEY_BOOL] = sizeof(bool),
		[KEY_CHOICE] = sizeof(int),
	};
	for (int k = 0; net_name[k]; k++) {
		char text[128];
		config c;
		net_config own, n;
		fault e = {.text = ""};
		const int size = net_config_default(net_name[k], net_square(0), &own, NULL) ? 0 : 32;
		ck_assert_msg(net_config_default(net_name[k], net_square(size), &own, &e), "%s", e.text);
		snprintf(text, sizeof text, "model: {network: %s, size: %d}\n", net_name[k], size);
		ck_assert_msg(read_text(&c, text, &e) && config_network(&c, &n, &e), "%s", e.text);
		int found = 0;
		for (int i = 0; i < config_key_count(); i++) {
			const config_key *key = config_key_at(i);
			const size_t at = key->offset - offsetof(config, net);
			if (at >= sizeof own)
				continue;
			found++;
			ck_assert_msg(memcmp((char *)&own + at, (char *)&n + at, bytes[key->type]) == 0,
				      "%s of %s", key->name, net_name[k]);
		}
		ck_assert_int_ge(found, 19);
		ck_assert_int_eq(n.classes > 0, own.classes > 0);
		ck_assert_int_eq(n.d_layers.n, own.d_layers.n);
		ck_assert_int_eq(n.g_layers.n, own.g_layers.n);
		for (int i = 0; i < own.g_layers.n; i++) {
			ck_assert_int_eq(n.g_layers.layer[i].at, own.g_layers.layer[i].at);
			ck_assert_ptr_eq(n.g_layers.layer[i].type, own.g_layers.layer[i].type);
		}
		config_free(&c);
	}
}
END_TEST

/* What the authors of a few networks are known to have, from the file as users write it. */
START_TEST(published_settings_reach_a_config)
{
	static const struct {
		const char *text, *key, *value;
	} rows[] = {
		{"model: {network: dcgan, size: 32}\n", "model.spectral_norm_d", "false"},
		{"model: {network: dcgan, size: 32}\n", "model.d_batch_norm", "true"},
		{"model: {network: dcgan, size: 32}\n", "model.init", "n02"},
		{"model: {network: dcgan, size: 32}\n", "model.leaky", "0.2"},
		{"model: {network: dcgan, size: 32}\n", "model.conditional", "false"},
		{"model: {network: dcgan, size: 32, d_batch_norm: false}\n", "model.d_batch_norm", "false"},
		{"model: {network: dcgan, size: 64}\n", "model.attention", "plain"},
		{"model: {network: dcgan64}\n", "model.size", "64"},
		{"model: {network: official128}\n", "model.bn_momentum", "0.999"},
		{"model: {network: official128}\n", "model.bn_last_momentum", "0.9999"},
		{"model: {network: mnistgans28}\n", "model.latent", "100"},
		{"model: {network: mnistgans28, latent: 128}\n", "model.latent", "128"},
		{"model: {network: resnet28, g_channels: 0}\n", "model.g_channels", "64"},
		{"seed: 1\n", "model.g_channels", "256"},
		{"seed: 1\n", "model.bn_eps", "0.0001"},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		config c;
		char value[CONFIG_VALUE_MAX];
		fault e = {.text = ""};
		ck_assert_msg(read_text(&c, rows[i].text, &e), "%s", e.text);
		config_value(&c, config_key_find(rows[i].key), value, sizeof value);
		ck_assert_msg(strcmp(value, rows[i].value) == 0, "%s%s = %s, must be %s", rows[i].text, rows[i].key,
			      value, rows[i].value);
		config_free(&c);
	}
}
END_TEST

/* A line holds the part of long values that is not the same. */
START_TEST(values_are_told_apart)
{
	config a, b;
	char x[CONFIG_VALUE_MAX], y[CONFIG_VALUE_MAX];
	const int at = config_key_find("data.class_names");
	config_init(&a);
	config_init(&b);
	strcpy(a.data.class_names, "cat, dog");
	strcpy(b.data.class_names, "cat, cow");
	ck_assert_str_eq(config_value_apart(&a, &b, at, x), "\"cat, dog\"");
	for (int i = 0; i < 100; i++)
		strcat(strcpy(x, a.data.class_names), "\xc3\xa4 "), strcpy(a.data.class_names, x);
	strcpy(b.data.class_names, a.data.class_names);
	strcat(a.data.class_names, "one");
	strcat(b.data.class_names, "two");
	config_value_apart(&a, &b, at, x);
	config_value_apart(&b, &a, at, y);
	ck_assert_msg(!strncmp(x, "...", 3) && strlen(x) < 40 && strstr(x, " one\""), "%s", x);
	ck_assert_msg(!strncmp(y, "...", 3) && strlen(y) < 40 && strstr(y, " two\""), "%s", y);
	ck_assert((x[3] & 0xc0) != 0x80);
	config_free(&a);
	config_free(&b);
}
END_TEST

START_TEST(own_values_are_listed_by_network)
{
	char text[512];
	ck_assert_str_eq(config_key_own(config_key_find("model.leaky"), text, sizeof text), "0.1; dcgan 0.2");
	ck_assert_str_eq(config_key_own(config_key_find("model.bn_momentum"), text, sizeof text),
			 "0.9; official64, official128 0.999; mnistgans28 0.99");
	ck_assert_str_eq(config_key_own(config_key_find("model.conditional"), text, sizeof text),
			 "true; dcgan, dcgan64, mnistgans28 false");
	ck_assert_str_eq(config_key_own(config_key_find("seed"), text, sizeof text), "");
}
END_TEST

/* A short run at the start of a long course of the rates keeps nearly the whole rate. */
START_TEST(rates_follow_their_own_number_of_steps)
{
	static const struct {
		const char *text;
		int64_t steps;
		double last;                         /* rate of the last update, with lr_g = 1 */
	} rows[] = {
		{"steps: 800\noptim: {lr_g: 1, schedule: linear}\n", 800, 1.0 / 800},
		{"steps: 800\noptim: {lr_g: 1, schedule: linear, schedule_steps: 20000}\n", 20000, 1 - 799.0 / 20000},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		config c;
		fault e = {.text = ""};
		ck_assert_msg(read_text(&c, rows[i].text, &e), "%s", e.text);
		const schedule s = config_schedule(&c, c.optim.lr_g);
		ck_assert_int_eq(s.steps, rows[i].steps);
		ck_assert_double_eq_tol(schedule_lr(&s, c.steps - 1), rows[i].last, 1e-12);
		config_free(&c);
	}
}
END_TEST

/* config_text is what checkpoints store: reading it back gives the same config, whatever is in it. */
START_TEST(text_reads_back_to_the_same_values)
{
	static const char *const sets[] = {
		"name=x", "data.path=a \"b\" \\c \tд\x7f", "optim.lr_g=0.1", "optim.lr_d=1.2345678901234567e-5",
		"seed=9000000000000000",
		"model.layers_g=[{at: 8, type: plain}, 16]", "model.layers_d=none",
		"augment.policy=[cutout, translation]", "model.sn_eps=1e-12", "ema.decay=0.9999",
	};
	config a, b;
	fault e = {.text = ""};
	int at[CONFIG_KEYS_MAX];
	config_init(&a);
	for (int round = 0; round < 2; round++) {
		char *text = config_text(&a, &e);
		ck_assert_ptr_nonnull(text);
		config_init(&b);
		ck_assert_msg(config_parse(&b, text, strlen(text), "text", &e), "%s", e.text);
		ck_assert_int_eq(config_diff(&a, &b, at), 0);
		ck_assert(a.optim.lr_d == b.optim.lr_d && a.optim.lr_g == b.optim.lr_g);
		free(text);
		config_free(&b);
		for (int i = 0; i < COUNT(sets); i++)
			ck_assert_msg(config_set(&a, sets[i], &e), "%s", e.text);
	}
	config_free(&a);
}
END_TEST

START_TEST(diff_names_the_keys_and_whether_they_may_change)
{
	config a, b;
	fault e;
	int at[CONFIG_KEYS_MAX];
	config_init(&a);
	config_init(&b);
	ck_assert(config_set(&b, "steps=5", &e) && config_set(&b, "model.latent=5", &e));
	ck_assert_int_eq(config_diff(&a, &b, at), 2);
	ck_assert_str_eq(config_key_at(at[0])->name, "steps");
	ck_assert(config_key_at(at[0])->on_resume);
	ck_assert_str_eq(config_key_at(at[1])->name, "model.latent");
	ck_assert(!config_key_at(at[1])->on_resume);
	config_free(&a);
	config_free(&b);
}
END_TEST

/* ---- keys without effect ---- */

static void join_line(void *ctx, const char *line)
{
	char *text = ctx;
	snprintf(text + strlen(text), 1024 - strlen(text), "%s\n", line);
}

/* Of networks, of two keys together, and where any but one value has none; a default is not told. */
START_TEST(keys_without_effect_are_told)
{
	static const struct {
		const char *text, *told;
	} rows[] = {
		{"loss: {penalty: none, penalty_weight: 3}\n",
		 "a.yaml:1: loss.penalty_weight = 3: has no effect with loss.penalty = none\n"},
		{"loss: {penalty: none, penalty_weight: 10}\n", ""},
		{"loss: {penalty: r1, penalty_weight_fake: 3}\n",
		 "a.yaml:1: loss.penalty_weight_fake = 3: has no effect with loss.penalty = r1\n"},
		{"loss: {penalty: r1r2, penalty_weight_fake: 3}\n", ""},
		{"model: {network: dcgan, size: 32, up: bilinear}\n",
		 "a.yaml:1: model.up = bilinear: has no effect with model.network = dcgan\n"},
		{"model: {network: resnet32, leaky: 0.3}\n",
		 "a.yaml:1: model.leaky = 0.3: has no effect with model.network = resnet32\n"},
		{"model: {spectral_norm_g: false, spectral_norm_d: false, sn_iterations: 2}\n",
		 "a.yaml:1: model.sn_iterations = 2: has no effect with model.spectral_norm_g = false and "
		 "model.spectral_norm_d = false\n"},
		{"optim: {schedule_steps: 9}\n",
		 "a.yaml:1: optim.schedule_steps = 9: has no effect with optim.schedule = constant\n"},
		{"optim: {schedule_steps: 9, beta2: [0.9, 0.99]}\n", ""},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		config c;
		fault e;
		char told[1024] = "";
		ck_assert_msg(read_text(&c, rows[i].text, &e), "%s", e.text);
		config_tell_idle(&c, join_line, told);
		ck_assert_str_eq(told, rows[i].told);
		config_free(&c);
	}
}
END_TEST

/* ---- the table ---- */

START_TEST(table_is_complete_and_printable)
{
	ck_assert_int_le(config_key_count(), CONFIG_KEYS_MAX);
	for (int i = 0; i < config_key_count(); i++) {
		const config_key *k = config_key_at(i);
		char range[512];
		ck_assert_int_eq(config_key_find(k->name), i);
		ck_assert_msg(strlen(k->help) > 5 && strlen(k->help) <= 72, "%s: %zu letters", k->name,
			strlen(k->help));
		ck_assert(strlen(config_key_range(k, range, sizeof range)) > 3);
		ck_assert_msg(strlen(k->name) <= 24, "%s", k->name);
	}
	ck_assert_int_eq(config_key_find("optim"), -1);
}
END_TEST

/* ---- what is shipped ---- */

static void none_is_idle(void *ctx, const char *line)
{
	(void)ctx;
	ck_abort_msg("%s", line);
}

START_TEST(shipped_configs_are_right)
{
	DIR *d = opendir("configs");
	int n = 0;
	ck_assert_ptr_nonnull(d);
	for (struct dirent *f; (f = readdir(d));) {
		char path[512], name[300];
		const char *end = strstr(f->d_name, ".yaml");
		config c;
		fault e = {.text = ""};
		if (!end)
			continue;
		snprintf(path, sizeof path, "configs/%s", f->d_name);
		snprintf(name, sizeof name, "%.*s", (int)(end - f->d_name), f->d_name);
		const bool classifier = strncmp(name, "classify-", strlen("classify-")) == 0;
		config_init_for(&c, classifier ? CONFIG_CLASSIFIER : CONFIG_GAN);
		ck_assert_msg(config_load(&c, path, &e) && config_check(&c, &e), "%s", e.text);
		ck_assert_str_eq(c.name, name + (classifier ? strlen("classify-") : 0));
		config_tell_idle(&c, none_is_idle, NULL);
		config_free(&c);
		n++;
	}
	closedir(d);
	ck_assert_int_ge(n, 16);
}
END_TEST

/* The published networks keep their published size. */
START_TEST(published_configs_have_the_published_parameters)
{
	static const struct {
		const char *path;
		int64_t g, d;
	} rows[] = {
		{"configs/cifar10-studiogan.yaml", 4386308, 1075586},
		{"configs/bench32.yaml", 380804, 270530},
		{"configs/bench28.yaml", 571522, 269250},
		{"configs/mnist-mnistgans.yaml", 813351, 10312},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		config c;
		net_config n;
		fault e = {.text = ""};
		rng r = rng_new(1, "init");
		config_init(&c);
		ck_assert_msg(config_load(&c, rows[i].path, &e) && config_check(&c, &e), "%s", e.text);
		ck_assert_msg(config_network(&c, &n, &e), "%s", e.text);
		network *g = network_new(&n, NET_G, &r, &e);
		network *d = network_new(&n, NET_D, &r, &e);
		ck_assert_msg(g && d, "%s: %s", rows[i].path, e.text);
		ck_assert_int_eq(module_param_count(network_module(g)), rows[i].g);
		ck_assert_int_eq(module_param_count(network_module(d)), rows[i].d);
		network_free(g);
		network_free(d);
		config_free(&c);
	}
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{what_is_wrong_for_training_alone_can_be_drawn_from, 1},
		{wrong_files_are_refused_with_their_message, COUNT(WRONG_FILES)},
		{wrong_assignments_are_refused_with_their_message, COUNT(WRONG_SETS)},
		{data_that_do_not_fit_name_the_key, 1},
		{words_of_yaml_are_known, 1},
		{data_are_found_from_the_config, 1},
		{missing_data_name_the_line_of_the_path, 1},
		{pictures_are_brought_to_a_rectangle, 1},
		{other_networks_for_a_size_are_named, 1},
		{the_bad_file_of_a_folder_is_named, 1},
		{large_and_missing_files_are_refused, 1},
		{every_prefix_of_a_file_is_read_or_refused, 1},
		{values_arrive_in_their_fields, 1},
		{old_names_of_keys_mean_the_same, 1},
		{assignments_take_the_path_of_the_file, 1},
		{check_settles_what_follows_the_network, 1},
		{a_network_alone_is_the_published_one, 1},
		{published_settings_reach_a_config, 1},
		{own_values_are_listed_by_network, 1},
		{values_are_told_apart, 1},
		{rates_follow_their_own_number_of_steps, 1},
		{text_reads_back_to_the_same_values, 1},
		{diff_names_the_keys_and_whether_they_may_change, 1},
		{keys_without_effect_are_told, 1},
		{table_is_complete_and_printable, 1},
		{shipped_configs_are_right, 1},
		{published_configs_have_the_published_parameters, 1},
	};
	return suite_run("config", tests, COUNT(tests), 60);
}
