/* class_names.c - names of known sets, and texts of names. */
#include "data/class_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/local.h"
#include "data/dataset_internal.h"

#define DIGITS "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"
#define CAPITALS "A\nB\nC\nD\nE\nF\nG\nH\nI\nJ\nK\nL\nM\nN\nO\nP\nQ\nR\nS\nT\nU\nV\nW\nX\nY\nZ\n"
#define LETTERS "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq\nr\ns\nt\nu\nv\nw\nx\ny\nz\n"

/* As the authors of the sets list them: CIFAR's batches.meta.txt, fine_label_names.txt and coarse_label_names.txt;
 * the table of Fashion-MNIST's README; EMNIST's mapping files. */
static const char *const KNOWN[CLASSES_KNOWN] = {
	[CLASSES_CIFAR10] = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n",
	[CLASSES_CIFAR100] = "apple\naquarium_fish\nbaby\nbear\nbeaver\nbed\nbee\nbeetle\nbicycle\nbottle\nbowl\nboy\n"
		"bridge\nbus\nbutterfly\ncamel\ncan\ncastle\ncaterpillar\ncattle\nchair\nchimpanzee\nclock\ncloud\n"
		"cockroach\ncouch\ncrab\ncrocodile\ncup\ndinosaur\ndolphin\nelephant\nflatfish\nforest\nfox\ngirl\n"
		"hamster\nhouse\nkangaroo\nkeyboard\nlamp\nlawn_mower\nleopard\nlion\nlizard\nlobster\nman\n"
		"maple_tree\nmotorcycle\nmountain\nmouse\nmushroom\noak_tree\norange\norchid\notter\npalm_tree\npear\n"
		"pickup_truck\npine_tree\nplain\nplate\npoppy\nporcupine\npossum\nrabbit\nraccoon\nray\nroad\nrocket\n"
		"rose\nsea\nseal\nshark\nshrew\nskunk\nskyscraper\nsnail\nsnake\nspider\nsquirrel\nstreetcar\n"
		"sunflower\nsweet_pepper\ntable\ntank\ntelephone\ntelevision\ntiger\ntractor\ntrain\ntrout\ntulip\n"
		"turtle\nwardrobe\nwhale\nwillow_tree\nwolf\nwoman\nworm\n",
	[CLASSES_CIFAR100_COARSE] = "aquatic_mammals\nfish\nflowers\nfood_containers\nfruit_and_vegetables\n"
		"household_electrical_devices\nhousehold_furniture\ninsects\nlarge_carnivores\n"
		"large_man-made_outdoor_things\nlarge_natural_outdoor_scenes\nlarge_omnivores_and_herbivores\n"
		"medium_mammals\nnon-insect_invertebrates\npeople\nreptiles\nsmall_mammals\ntrees\nvehicles_1\n"
		"vehicles_2\n",
	[CLASSES_FASHION] = "T-shirt/top\nTrouser\nPullover\nDress\nCoat\nSandal\nShirt\nSneaker\nBag\nAnkle boot\n",
	[CLASSES_EMNIST_LETTERS] = LETTERS,
	[CLASSES_EMNIST_BALANCED] = DIGITS CAPITALS "a\nb\nd\ne\nf\ng\nh\nn\nq\nr\nt\n",
	[CLASSES_EMNIST_BYCLASS] = DIGITS CAPITALS LETTERS,
};

const char *class_names_known(enum known_classes set)
{
	must((unsigned)set < CLASSES_KNOWN, "known classes %d", set);
	return KNOWN[set];
}

/* Fashion-MNIST's files are called as MNIST's are; only their contents tell them apart. FNV-1a of all labels. */
enum known_classes classes_of_labels(const uint8_t *label, int64_t n)
{
	static const struct {
		int64_t n;
		uint64_t sum;
		enum known_classes set;
	} known[] = {
		{60000, UINT64_C(0xb9f71c71bae5f277), CLASSES_FASHION},
		{10000, UINT64_C(0x25bdf8123f06fac3), CLASSES_FASHION},
	};
	const uint64_t sum = data_fnv(DATA_FNV, label, (size_t)n);
	for (int i = 0; i < COUNT(known); i++)
		if (known[i].n == n && known[i].sum == sum)
			return known[i].set;
	return CLASSES_KNOWN;
}

int class_names_count(const char *text)
{
	int n = 0;
	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

static bool are_numbers(char *const *name, int n)
{
	char number[16];
	for (int i = 0; i < n; i++) {
		snprintf(number, sizeof number, "%d", i);
		if (strcmp(name[i], number) != 0)
			return false;
	}
	return true;
}

char *class_names_join(char *const *name, int n, fault *e)
{
	size_t size = 1;
	n = name && !are_numbers(name, n) ? n : 0;
	for (int i = 0; i < n; i++)
		size += strlen(name[i]) + 1;
	char *text = mem_zero(size, 1, e);
	size_t at = 0;
	for (int i = 0; text && i < n; i++)
		at += (size_t)snprintf(text + at, size - at, "%s\n", name[i]);
	return text;
}

/* Where name k of a text begins; NULL: it has fewer. */
static const char *line_at(const char *text, int k)
{
	for (; k > 0 && *text; k--) {
		const char *end = strchr(text, '\n');
		text = end ? end + 1 : "";
	}
	return *text ? text : NULL;
}

char *class_names_at(const char *text, int k, char *buf, size_t size)
{
	const char *line = line_at(text, k);
	if (line)
		snprintf(buf, size, "%.*s", (int)strcspn(line, "\n"), line);
	else
		snprintf(buf, size, "%d", k);
	return buf;
}

char *class_names_print(const char *text, char *buf, size_t size)
{
	size_t n = 0;
	buf[0] = '\0';
	for (; *text && n < size; text += strcspn(text, "\n") + 1)
		n += (size_t)snprintf(buf + n, size - n, "%s%.*s", n ? ", " : "", (int)strcspn(text, "\n"), text);
	return buf;
}

bool class_names_are_file(const char *given)
{
	return *given && strcmp(given, "auto") != 0 && !strchr(given, ',');
}

static int find(const char *text, const char *word, int (*compare)(const char *, const char *, size_t))
{
	const size_t n = strlen(word);
	for (int k = 0; *text; k++) {
		const size_t length = strcspn(text, "\n");
		if (length == n && n > 0 && compare(text, word, n) == 0)
			return k;
		text += length + (text[length] == '\n');
	}
	return -1;
}

/* EMNIST has classes a and A: the same letters go before others. */
int class_names_find(const char *text, const char *word)
{
	const int same = find(text, word, strncmp);
	return same >= 0 ? same : find(text, word, strncasecmp);
}

bool class_names_match(const char *from, const char *to, int n, int *as)
{
	char name[1024];
	const bool numbers = !*from || !*to || strcmp(from, to) == 0;
	if (!numbers && (class_names_count(from) != n || class_names_count(to) != n))
		return false;
	for (int k = 0; k < n; k++) {
		as[k] = numbers ? k : class_names_find(to, class_names_at(from, k, name, sizeof name));
		for (int i = 0; !numbers && i < k; i++)
			if (as[i] == as[k])
				return false;
		if (as[k] < 0)
			return false;
	}
	return true;
}
