/* config.h - what a run is: one plain struct, filled from a YAML file and the command line.
 *
 * One table (config_table.c) lists every key with its type, range, default, help line and whether it
 * may change when a run goes on from a checkpoint. Parsing, range checks, `sagan info --keys`, the
 * text stored in checkpoints and the table of docs/keys.md are loops over it. A key is written
 * "section.name" on the command line and nested in the file. */
#ifndef SAGAN_GAN_CONFIG_CONFIG_H
#define SAGAN_GAN_CONFIG_CONFIG_H

#include "core/base/words.h"
#include "data/dataset.h"
#include "gan/loss/augment.h"
#include "gan/nets/networks.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

SAGAN_BEGIN

/* Room for texts and for rows of the table; a longer text in a file is refused.
 * TEXT: a path in it, and a message with that path, fit into the 1,024 bytes of an error.
 * VALUE: any value as config_value writes it: a text of which each byte is escaped, a list of layers.
 * KEYS: more than the table has; a test counts its rows. */
enum { CONFIG_TEXT_MAX = 512, CONFIG_VALUE_MAX = 4 * CONFIG_TEXT_MAX + 8, CONFIG_KEYS_MAX = 128 };
enum { CONFIG_STEPS_MAX = 1000000000 };              /* of any run */

/* Choices that only a config knows. Every other list of names is its module's. */
enum { RESIZE_NONE = RESIZES };                      /* after those of enum data_resize: refuse other sizes */
enum sn_update { SN_EVERY_FORWARD, SN_REAL_ONLY };
enum d_batch { D_BATCH_JOINT, D_BATCH_SEPARATE };
/* What a score is the Frechet distance of; auto: of features where a network fits the data, else of pixels. */
enum score_metric { SCORE_AUTO, SCORE_FID, SCORE_PIXELS };
enum bn_mode { BN_RUNNING, BN_STANDING, BN_BATCH };
/* What a config describes: each purpose has its keys, and defaults of its own for some. */
enum config_purpose { CONFIG_GAN, CONFIG_CLASSIFIER, CONFIG_PURPOSES };

/* Every key, in the order of the table. A key of the section "model" that is not given has the value that the network's
 * authors published, from config_check on. 0 means "follow the data" or "the network's own" where the
 * help says so; config_check and config_fit_data replace these zeros (and n = -1) by values. */
enum { LINE_DEFAULT = 0, LINE_COMMAND = -1, LINE_RUN = -2 };         /* nobody's; --set; the run that goes on */
typedef struct config {
	char name[CONFIG_TEXT_MAX];
	int64_t seed;
	int64_t steps;                               /* G updates */
	int batch;                                   /* real images of a D update; fakes of a G update */

	struct {
		char path[CONFIG_TEXT_MAX];
		int format;                          /* row of data_formats, or after them "random": noise, no files */
		int split;                           /* enum data_split */
		int resize;                          /* enum data_resize or RESIZE_NONE: to model.size */
		bool coarse;                         /* CIFAR-100: the 20 coarse classes */
		bool flip;                           /* mirror real images left-right half of the time */
		int64_t limit;                       /* use the first n images; 0: all */
		int range;                           /* enum data_range */
		char images[CONFIG_TEXT_MAX];        /* arrays of HDF5; "auto" */
		char labels[CONFIG_TEXT_MAX];
		char background[CONFIG_TEXT_MAX];    /* data_colour */
		char class_names[CONFIG_TEXT_MAX];   /* "cat, dog", a file, or "auto" */
	} data;

	struct {
		int network;                         /* row of net_name */
		int channels;                        /* 1 or 3; 0: as the data */
		bool conditional;                    /* labels in G (cBN) and D (projection) */
		int classes;                         /* K; 0: as the data */
		int attention;                       /* row of attention_variants, of layers given as a size alone */
		layer_specs layers_g, layers_d;
		int sn_update;                       /* enum sn_update */
	} model;
	net_config net;                              /* the other keys of the section "model" are fields of this */

	struct {
		int name;                            /* row of gan_losses */
		int penalty;                         /* row of gan_penalties */
		ramp penalty_weight;                 /* r1: gamma of (gamma/2) |grad|^2; gp, dragan: lambda */
		ramp penalty_weight_fake;            /* r1r2: gamma of the fakes; 0: penalty_weight */
		int penalty_every;                   /* in every k-th D update, times k */
		int d_batch;                         /* enum d_batch: real and fake through D at once or not */
		double lecam_weight;                 /* 0: none */
		double lecam_decay;                  /* of its two averages */
		int64_t lecam_start;                 /* step up to which there is none */
		double cr_weight, cr_weight_fake;    /* of D's answers to shifted images, real and fake; 0: none */
		double zcr_weight, zcr_weight_g;     /* of D's answers to, of G's images of, z and z + noise; 0: none */
		double zcr_noise;                    /* its deviation */
		double top_k;                        /* smallest share of the fakes that G learns from; 1: all */
		double top_k_decay;                  /* factor on the share, each epoch */
		int64_t top_k_start;                 /* epochs before the first */
	} loss;

	struct {
		optimizer_config rule;               /* of both networks */
		schedule course;                     /* of the rates; its rate is lr_g or lr_d, steps 0: the run's */
		double lr_g, lr_d;
		ramp beta2;                          /* the rule's is where it begins */
		int d_steps;                         /* D updates per G update */
		double clip_norm;                    /* of the whole gradient of a network; 0: off */
		int accumulate;                      /* batches per update */
	} optim;

	struct {
		double decay;                        /* 0: no moving average */
		ramp half_life;                      /* images; 0: decay */
		double rampup;                       /* share of the images seen that it is at most; 0: any */
		int64_t start;                       /* plain copy before this step */
		int bn_mode;                         /* enum bn_mode: statistics of the G that is sampled */
		int standing_batches;                /* forwards that make standing statistics */
	} ema;

	augment_policy augment;                      /* the key is augment.policy */
	ramp augment_probability;                    /* of each transform, for each image; with a target the most */
	double augment_target;                       /* of mean sign(D(real)), which moves the probability; 0: fixed */
	double augment_images;                       /* that take it from 0 to 1 at the quickest */

	struct {
		char out[CONFIG_TEXT_MAX];           /* "": runs/<name> */
		int threads;                         /* 0: one per processor */
		int slices;                          /* of each batch, added up along a tree: part of the result */
		int64_t log_every, sample_every, checkpoint_every;      /* steps; 0: only at the end */
		int sample_count;                    /* images of a grid */
		int keep;                            /* checkpoints kept besides the best */
		bool exact;                          /* no PLAN_FAST (plan.h) */
		bool tensorboard;                    /* the run writes event files (gan/log/events.h) */
	} train;

	struct {
		int metric;                          /* enum score_metric */
		int count;                           /* images of a score; 0: no scores */
		int64_t every;                       /* steps; 0: with each checkpoint */
	} score;

	struct {
		int width, blocks;                   /* classifier_options */
		double lr;
		double smoothing;                    /* of labels */
		bool compact;                        /* kernels as float16 */
	} classify;

	/* Not keys: where the values come from. */
	enum config_purpose purpose;
	bool broken;                                 /* no memory for the defaults: config_good */
	char *source;                                /* own: the file's text, NULL when none was read */
	char *file;                                  /* own: its name for messages */
	int line[CONFIG_KEYS_MAX];                   /* of key i: a line of the file, or one of these */
	bool by_old_name[CONFIG_KEYS_MAX];           /* key i was given under config_key_old_name */
} config;

enum config_type {
	KEY_INT,                                     /* int */
	KEY_COUNT,                                   /* int64_t */
	KEY_SIZE,                                    /* net_size: 32, or [96, 64] */
	KEY_REAL,                                    /* double */
	KEY_RAMP,                                    /* ramp: 0.5, or [1, 0.1] from the first step to the last */
	KEY_BOOL,                                    /* true, false */
	KEY_TEXT,                                    /* char[CONFIG_TEXT_MAX] */
	KEY_CHOICE,                                  /* int or an enum, index into words */
	KEY_LAYERS,                                  /* layer_specs: auto, none, [16, {at: 32, type: halo}] */
	KEY_LIST,                                    /* augment_policy: none or [color, cutout] */
	KEY_NAMES                                    /* char[CONFIG_TEXT_MAX]: a text, or [cat, dog] as "cat, dog" */
};

/* One row of the table. */
typedef struct config_key {
	const char *name;                            /* "optim.lr_g" */
	enum config_type type;
	size_t offset;                               /* in struct config */
	double lo, hi;                               /* numbers: allowed range, ends included */
	word_list words;                             /* KEY_CHOICE, KEY_LIST: what may be chosen; KEY_TEXT: for
	                                              * people alone, whoever reads the key checks it */
	const char *initial;                         /* the default, as written in a file; NULL: the network's own,
	                                              * which its authors published (net_config_default) */
	bool on_resume;                              /* may change when a run goes on */
	const char *help;                            /* one line */
} config_key;

int config_key_count(void);
const config_key *config_key_at(int i);
int config_key_find(const char *name);               /* index, or -1; the old name of a renamed key is found, too */
/* What a key was called in version 0.1.0, "model.attention_g" of "model.layers_g"; NULL: no other name. */
const char *config_key_old_name(const char *name);
/* Whether configs of this purpose have key i, and the default that it has there, as config_key.initial. */
bool config_key_used(int i, enum config_purpose p);
const char *config_key_initial(int i, enum config_purpose p);
/* The allowed values of a key in words: "1 to 100", "hinge, ns or wgan". Returns buf. */
char *config_key_range(const config_key *k, char *buf, size_t size);

/* The word of a choice: config_choice("loss.name", c->loss.name) is "hinge". */
const char *config_choice(const char *key, int value);

/* Fills c with the defaults of a GAN's config, or of another purpose. Release with config_free, which leaves c empty.
 * Without memory c is broken: config_good, and what reads or checks it below, then return false with e set. */
void config_init(config *c);
void config_init_for(config *c, enum config_purpose p);
bool config_good(const config *c, fault *e);
void config_free(config *c);
bool config_copy(config *dst, const config *src, fault *e);  /* dst: not initialised; config_free(dst) later */

/* Reads YAML over the values in c: from a file, or from a text of n bytes that messages call `label`. False with e set:
 * "file:line: key = value: what is wrong, what is allowed"; c is then only good for config_free. */
bool config_load(config *c, const char *path, fault *e);
bool config_parse(config *c, const char *text, size_t n, const char *label, fault *e);

/* One value, "section.key=value", as the command line gives it. False with e set. */
bool config_set(config *c, const char *assignment, fault *e);

/* One layer alone, "{at: 16, type: halo, heads: 4}", into *out. False with e set. */
bool config_layer_parse(layer_spec *out, const char *text, fault *e);

/* Checks what no single key can show: sizes that the blocks reach, layers at maps that exist, choices that exclude
 * each other. Gives every key that is left to the network the network's value. Call it after all config_set; calling
 * it again changes nothing. Channels and classes may still be 0. False with e set, and c as it was. */
bool config_check(config *c, fault *e);

/* For a run that goes on: the keys that c leaves to the network become those of `was`, the config that the run was
 * started with, even where this program has other values for them. at[CONFIG_KEYS_MAX] gets the indices of those that
 * changed; returns how many. */
int config_follow(config *c, const config *was, int *at);

/* The values that the networks' authors chose for key i, by network: "64; resnet32 256; mnistgans28 32". "" for a key
 * whose default is not the network's own. Returns buf. */
char *config_key_own(int i, char *buf, size_t size);

/* Gives channels and classes that are left open (0) the data's values, and checks that data and config agree: batch
 * not above the number of images, the same channels, labels where labels are needed. classes 0: the data have no
 * labels. False with e set, and c as it was. */
bool config_fit_data(config *c, int64_t images, int channels, int classes, fault *e);

/* e = "file:line: key = value: " and the text; returns false. For users of the config that find a value wrong later
 * (data do not fit, a folder cannot be written). */
bool config_wrong(const config *c, const char *key, fault *e, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Whether key i changes nothing because of what other keys say; why is then "has no effect with loss.penalty = none".
 * c: after config_check. */
bool config_idle(const config *c, int i, char *why, size_t size);
/* Tells so of every such key whose value is not the default, as "file:line: key = value: has no effect with ...". */
void config_tell_idle(const config *c, void (*tell)(void *ctx, const char *line), void *ctx);
/* A config of the same purpose, network and size in which nothing else was given. config_free later. */
void config_plain(const config *c, config *plain);

/* Value of key i as a file would have it; CONFIG_VALUE_MAX holds each. Returns buf. */
char *config_value(const config *c, int i, char *buf, size_t size);
/* The same for a line that also tells the other's value and has no room for long ones: where they begin alike, "..."
 * stands for that. Returns buf. */
char *config_value_apart(const config *c, const config *other, int i, char buf[CONFIG_VALUE_MAX]);
/* Every key and its value as YAML that config_parse reads back to the same values. new/free: free(). NULL with e set:
 * no memory. */
char *config_text(const config *c, fault *e);
/* Indices of keys that differ, into at[CONFIG_KEYS_MAX]; returns how many. */
int config_diff(const config *a, const config *b, int *at);

SAGAN_END
#endif
