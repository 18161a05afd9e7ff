# sagan: `make` builds build/sagan; `make demo` and `make test` need nothing but git, gcc, make and apt.
#
#   make                     the program, build/sagan          make install PREFIX=/usr/local
#   make demo                digits, 1,100 steps              make uninstall   the same files, removed
#   make test                all tests                         make lint    who includes whom
#   make MPI=1               also build/sagan-mpi, for several processes (docs/scaling.md); MPI=mpich: that one
#   make deps                installs what both would          make bench   a step beside PyTorch, TensorFlow
#   make dist                build/sagan-VERSION.tar.gz
#   make bench-kernels       speed of convolutions and attention, each alone
#   make examples            the programs of docs/examples/, into build/float/examples
#   make test-keras           exported files in four versions of Keras, and ONNX Runtime
#   make test-browser         the pages of runs in Chromium
#   make test-tensorboard     event files in the real TensorBoard
#   make test-inception       FID's network against pytorch-fid's, with random weights
#   make test-web             exported pages in Chromium and Node
#   make golden GOLDEN=DIR   every reference value of a folder  make clean
#   make torture             an hour of kills, power cuts, damaged files and failing calls; TORTURE=300: five minutes
#   make torture-ranks MPI=1   a process of several is killed, a hundred times
#   make bench-ranks MPI=1     what several processes and slices cost, on an idle machine
#   make fuzz                20,000 damaged files of each kind
#   make fuzz-list           readers that libFuzzer (clang) can try; make fuzz-NAME does, FUZZ_TIME=600 seconds long
#   make faults              commands whose calls of the system and for memory fail (make test: a few)
#   make test-double         derivatives and golden values in double
#   make test-sanitized      a set of tests under the address and undefined-behaviour sanitizers
#   make mutants             every derivative broken on purpose: a test must see it
#   make coverage            lines and branches that the tests run
#
#   make REAL=double         everything in double (derivative checks run in it)
#   make SAN=address,undefined        V=1 shows the commands        BUILD=DIR builds there

MAKEFLAGS += --no-builtin-rules

REAL ?= float
SAN  ?=
V    ?=
Q    := $(if $(V),,@)

comma  := ,
empty  :=
space  := $(empty) $(empty)
COVERAGE ?=
FULL     ?=
WITHIN   ?=
MPI      ?=
# 0 is off.
$(foreach v,V COVERAGE FULL WITHIN MPI,$(eval override $v := $(filter-out 0,$($v))))
ifneq ($(words $(REAL))$(filter-out float double,$(REAL)),1)
$(error REAL = $(REAL): must be float or double)
endif
CONFIG := $(REAL)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COVERAGE),-coverage)
BUILD  ?= build
B      := $(BUILD)/$(CONFIG)
ifneq ($(word 2,$(BUILD)),)
$(error BUILD = $(BUILD): has a space in it, and names of targets cannot. The sources may lie in such a folder)
endif

PREFIX  ?= /usr/local
DESTDIR ?=
INTO     = $(DESTDIR)$(PREFIX)
GOLDEN  ?= tests/golden
VERSION := $(shell sed -n 's/.*SAGAN_VERSION "\(.*\)"/\1/p' core/base/version.h)

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS   ?= -O3 -g
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
# gcc 11.2 takes a compound literal within a designated initialiser for a missing field.
WARN     += $(if $(filter 11,$(shell $(CC) -dumpversion 2>/dev/null)),-Wno-missing-field-initializers)
PACKAGES := openblas libpng libjpeg libwebp libwebpmux hdf5 yaml-0.1 zlib jansson nettle libarchive libprotobuf-c \
	    librsvg-2.0 fontconfig $(if $(filter Linux,$(shell uname -s)),libseccomp)
# Libraries that pkg-config does not know on every system: -lNAME.
PLAIN    := gif
PROGRAMS := protoc-c

# Which MPI sagan-mpi is linked with, by its pkg-config name: 1 is the one that is there, Open MPI first; auto, too, but
# where none is there, sagan-mpi is left out.
MPI_KINDS = ompi-c mpich
MPI_THERE = $(foreach m,$(MPI_KINDS),$(if $(shell pkg-config --exists $m && echo $m),$m))
MPI_1     = $(firstword $(MPI_THERE) $(MPI_KINDS))
MPI_auto  = $(firstword $(MPI_THERE))
MPI_NAME  = $(if $(filter 1 auto,$(MPI)),$(MPI_$(MPI)),$(MPI))
MPI_FLAGS = $(shell pkg-config --cflags $(MPI_NAME) 2>/dev/null)
MPI_LIBS  = $(shell pkg-config --libs $(MPI_NAME) 2>/dev/null)
ifneq ($(filter-out 1 auto $(MPI_KINDS),$(MPI))$(word 2,$(MPI)),)
ifeq ($(shell pkg-config --exists '$(MPI)' 2>/dev/null && echo there),)
$(error MPI = $(MPI): must be 1, auto, 0 or a name that pkg-config knows: $(MPI_KINDS))
endif
endif
# What starts its programs, where several kinds are installed (Debian's names).
MPIRUN   ?= $(notdir $(firstword $(shell command -v mpirun.$(if $(filter mpich,$(MPI_NAME)),mpich,openmpi)) mpirun))
# For the tests: nothing where there is no MPI.
MPI_TESTS = $(if $(MPI_NAME),$(B)/sagan-mpi $(B)/tests/ranks/flip)
MPI_ENV   = SAGAN_MPI=$(word 1,$(MPI_TESTS)) SAGAN_FLIP=$(word 2,$(MPI_TESTS)) MPIRUN=$(MPIRUN)

# Asked once, and only when something is compiled. It may be missing before the set-up: setup.sh says so.
ask = $(eval $1 := $(shell pkg-config $2 2>/dev/null))$($1)
ALL_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L -I. -I$(B) $(WARN) $(CFLAGS) \
	-fno-math-errno -fno-trapping-math -ffp-contract=off -fvisibility=hidden -pthread \
	$(if $(filter double,$(REAL)),-DREAL_DOUBLE) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer \
		$(if $(findstring clang,$(CC)),,-Wno-format-truncation)) \
	$(if $(COVERAGE),--coverage -fno-inline -DCOVERAGE -Wno-maybe-uninitialized) \
	$(PKG_CFLAGS)
PKG_CFLAGS = $(call ask,PKG_CFLAGS,--cflags $(PACKAGES))
PKG_LIBS   = $(call ask,PKG_LIBS,--libs $(PACKAGES))
LIBS       = $(PKG_LIBS) $(PLAIN:%=-l%) -lm -pthread
TEST_LIBS  = $(call ask,TEST_LIBS,--libs check)

# Register tiles and transforms are compiled once per level; what its processor must have stands in core/base/level.h.
LEVELS   := base $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),v3 v4)
features  = $(shell sed -n '/LEVEL_$1_HAS(F)/ s/F("\([a-z0-9]*\)")/-m\1/gp' core/base/level.h | sed 's/.*(F)//')
FLAGS_v3  = $(call features,V3)
FLAGS_v4  = $(FLAGS_v3) $(call features,V4) -mprefer-vector-width=512

FOLDERS  := core layers optim data gan
# Files that the program carries: NAME_text and NAME_size are those of NAME_FILE.
TEXTS := keras_layers report_page report_style report_script web_page web_engine web_script
keras_layers_FILE  := gan/keras/sagan_layers.py
report_page_FILE   := gan/report/report.html
report_style_FILE  := gan/report/report.css
report_script_FILE := gan/report/report.js
web_page_FILE      := gan/web/page.html
web_engine_FILE    := gan/web/engine.js
web_script_FILE    := gan/web/page.js
MESSAGES := gan/keras/onnx/onnx gan/log/event
LEVEL_SRC := core/kernels/tile.c core/kernels/attention_tile.c core/kernels/wino_tile.c
LIB_SRC  := $(filter-out $(LEVEL_SRC) core/peers/peers_mpi.c,$(sort $(shell find $(FOLDERS) -name '*.c')))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o) $(foreach l,$(LEVELS),$(LEVEL_SRC:%.c=$(B)/%.$l.o)) $(MESSAGES:%=$(B)/%.pb-c.o) \
	    $(TEXTS:%=$(B)/texts/%.o)
TIME_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tools/bench/*.c))
TOOL_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tools/*.c)) $(TIME_OBJ)
# All test programs, or some: ONLY='plan ops'. Faults are put into the program as it is, without the calls of a
# sanitizer or of coverage.
ONLY     ?= $(filter-out $(if $(SAN)$(COVERAGE),faults),$(patsubst tests/test_%.c,%,$(wildcard tests/test_*.c)))
TESTS    := $(ONLY:%=$(B)/tests/test_%)
EXAMPLES := $(patsubst %.c,$(B)/%,$(wildcard docs/examples/*.c))
BENCHES  := $(patsubst %.c,$(B)/%,$(wildcard tests/bench_*.c))
MAINS    := tests/test_%.c tests/bench_%.c tests/fuzz_%.c tests/mutants.c
# The readers of files of strangers, each a target of libFuzzer; all of them in test_fuzz.
FUZZ     := $(shell sed -n '/define FUZZ_TARGETS/,/[^\\]$$/p' tests/fuzz/targets.h | grep -o 'T([a-z0-9_]*)' | \
	    tr -d 'T()')
FUZZ_OBJ := $(FUZZ:%=$(B)/tests/fuzz/fuzz_%.o) $(B)/tests/fuzz/targets.o $(B)/tests/fuzz/confined_here.o
HELP_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out $(MAINS),$(wildcard tests/*.c)) tests/faults/faults.c)
# What tools/sagan.h includes is the library's public face; the rest is hidden from other programs.
PUBLIC   := $(shell sed -n 's/^\#include "\(.*\)"/\1/p' tools/sagan.h)
# Those of the compiler: a cross compiler has its own.
OBJCOPY  ?= $(shell $(CC) -print-prog-name=objcopy)
ifeq ($(origin AR),default)
AR       := $(shell $(CC) -print-prog-name=ar 2>/dev/null)
endif

all: $(BUILD)/sagan $(B)/libsagan.a $(if $(MPI_NAME),$(BUILD)/sagan-mpi)

# build/sagan is the configuration that was built last.
$(BUILD)/sagan: $(B)/sagan FORCE
	@ln -f $< $@

$(B)/sagan: $(TOOL_OBJ) $(B)/internal.a
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

# The same program with the one file that knows MPI in the place of core/peers/peers_none.c.
$(BUILD)/sagan-mpi: $(B)/sagan-mpi FORCE
	@ln -f $< $@

$(B)/sagan-mpi: $(TOOL_OBJ) $(B)/core/peers/peers_mpi.o $(B)/internal.a
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS) $(MPI_LIBS)

$(B)/core/peers/peers_mpi.o: core/peers/peers_mpi.c $(B)/.flags $(B)/.mpi
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(MPI_FLAGS:-I%=-isystem %) -MMD -MP -c -o $@ $<

$(B)/.mpi: FORCE
	@mkdir -p $(@D)
	@echo '$(MPI_NAME) $(MPI_LIBS)' | cmp -s - $@ || echo '$(MPI_NAME) $(MPI_LIBS)' > $@

# Everything, for the program and the tests.
$(B)/internal.a: $(LIB_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# For other programs: one object, in which only what public headers declare is still seen from outside.
$(B)/libsagan.a: $(LIB_OBJ)
	$(Q)$(CC) -r -nostdlib -o $(B)/libsagan.o $^
	$(Q)$(OBJCOPY) --localize-hidden $(B)/libsagan.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/libsagan.o

# The public headers as they are installed.
$(B)/include/sagan/sagan.h: $(PUBLIC) tools/sagan.h tools/headers.sh
	$(Q)tools/headers.sh $(@D) $(filter double,$(REAL))

# Readers of files do not come here, and counting every branch of a tile takes a compiler minutes.
define level_rule
$(LEVEL_SRC:%.c=$(B)/%.$1.o): $(B)/%.$1.o: %.c $(B)/.flags
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(if $$(findstring fuzzer,$$(SAN)),-fno-sanitize=all) $$(FLAGS_$1) \
		-DTILE_LEVEL=$1 -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(LEVELS),$(eval $(call level_rule,$l)))

# Each of TEXTS as an array.
define text_rule
$(B)/texts/$1.c: $($1_FILE)
	@mkdir -p $$(@D)
	$(Q){ echo 'extern const unsigned char $1_text[]; extern const unsigned long $1_size;'; \
	echo 'const unsigned char $1_text[] = {'; \
	od -An -v -tu1 $$< | sed 's/ \([0-9]\)/,\1/g; s/ //g; s/^,//; s/$$$$/,/'; \
	echo '}; const unsigned long $1_size = sizeof $1_text;'; } > $$@
endef
$(foreach t,$(TEXTS),$(eval $(call text_rule,$t)))

# It holds them.
$(B)/gan/score/shipped.o: $(wildcard data/features/*.h5)

$(TEXTS:%=$(B)/texts/%.o): $(B)/texts/%.o: $(B)/texts/%.c $(B)/.flags
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# A header that is made is there before anything is compiled; afterwards .d files say who needs it.
$(B)/%.o: %.c $(B)/.flags | $(MESSAGES:%=$(B)/%.pb-c.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Messages of ONNX and of event files: C from .proto files. Newer versions of protoc-c say that they are deprecated:
# kept for when they fail, as the older ones are all that Debian 12 has.
$(B)/%.pb-c.c $(B)/%.pb-c.h: %.proto $(B)/.flags
	@mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(B) $< 2>$(B)/protoc.txt || { cat $(B)/protoc.txt >&2; exit 1; }

$(B)/%.pb-c.o: $(B)/%.pb-c.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/tests/%: $(B)/tests/%.o $(HELP_OBJ) $(TIME_OBJ) $(B)/internal.a
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $^ $(TEST_LIBS) $(LIBS)

$(B)/tests/test_files $(B)/tests/test_run_files: $(B)/tests/faults/readdir.o

# confined_here.o takes the place of core/base/confine.o, so it comes before.
$(B)/tests/test_fuzz: $(B)/tests/test_fuzz.o $(FUZZ_OBJ) $(HELP_OBJ) $(TIME_OBJ) $(B)/internal.a
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)

$(B)/tests/fuzz_within.o: tests/fuzz_keras.c $(B)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DWITHIN -MMD -MP -c -o $@ $<

$(B)/tests/fuzz_within: $(B)/tests/fuzz_within.o $(B)/tests/fuzz/confined_here.o $(HELP_OBJ) $(TIME_OBJ) $(B)/internal.a
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)

$(FUZZ:%=$(B)/tests/fuzz/libfuzzer-%): $(B)/tests/fuzz/libfuzzer-%: $(FUZZ_OBJ) $(B)/internal.a tests/fuzz/fuzz_main.c
	$(Q)$(CC) $(ALL_CFLAGS) -DFUZZ_TARGET=$* -fsanitize=fuzzer -o $@ tests/fuzz/fuzz_main.c $(FUZZ_OBJ) \
		$(B)/internal.a $(LIBS)

# Loaded before the program, it lets calls of it fail: Linux with the GNU C library.
$(B)/tests/faults/shim.so: tests/faults/shim.c tests/faults/shim.h $(B)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -I. $(WARN) -O1 -fPIC -fvisibility=hidden -shared -o $@ $< -ldl -pthread

# It runs these.
$(B)/tests/test_tests: | $(addprefix $(B)/tests/,test_faults test_memory fuzz_keras torture/torture)

# Calls of these functions go to the test program's own.
$(B)/tests/mutants: LINK := -Wl,--wrap=graph_vjp
$(B)/tests/test_memory: LINK := $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc aligned_alloc free)

$(B)/tests/test_base: LINK := -Wl,--wrap=sched_getaffinity

$(B)/tests/ranks/flip: LINK := $(patsubst %,-Wl$(comma)--wrap=%,calloc aligned_alloc plan_find_bad_slice)

$(B)/tests/torture/torture: LINK := $(patsubst %,-Wl$(comma)--wrap=%,open write fsync rename unlink fflush)
$(B)/tests/torture/torture: $(B)/tests/torture/power.o

# A run whose numbers go wrong in one of several processes: with the file that knows MPI, as sagan-mpi.
$(B)/tests/ranks/flip: $(B)/tests/ranks/flip.o $(B)/core/peers/peers_mpi.o $(HELP_OBJ) $(TIME_OBJ) $(B)/internal.a
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $^ $(TEST_LIBS) $(LIBS) $(MPI_LIBS)

# Examples are built as a reader builds them, from what is installed: here into a folder of the build. Its path is
# relative, as the folder of the sources may have a space in its name.
HERE = $(B)/installed
# What a program must be linked with because the library is.
FLAVOUR = $(SAN:%= -fsanitize=%)$(if $(COVERAGE), --coverage)
$(B)/docs/examples/%: docs/examples/%.c $(B)/installed/.done
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(WARN) $(CFLAGS)$(FLAVOUR) -o $@ $< \
	    $$(PKG_CONFIG_PATH=$(HERE)/lib/pkgconfig:$$PKG_CONFIG_PATH pkg-config --cflags --libs sagan)

$(B)/installed/.done: $(B)/libsagan.a $(B)/include/sagan/sagan.h tools/sagan.pc.in
	@rm -rf $(HERE) && mkdir -p $(HERE)/lib/pkgconfig
	@tools/install.sh put '$(HERE)' $(LIBRARY)
	@$(call pc,$(HERE)) > $(HERE)/lib/pkgconfig/sagan.pc
	@touch $@

# Rewritten only when the command changes, so that `make CFLAGS=...` rebuilds.
$(B)/.flags: FORCE
	@CC='$(CC) $(CFLAGS)' tools/setup.sh check $(PACKAGES) $(PLAIN) $(PROGRAMS) $(MPI_NAME)
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' > $@

# ---- demo and tests: install what is missing (`make deps` does only that), then a second make finds it ----

AGAIN = @$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

demo golden: deps
	$(AGAIN) run-$@

# Several processes are tested where an MPI is there or can be had.
test: deps
	@CC='$(CC) $(CFLAGS)' tools/setup.sh install mpi || echo 'no MPI: runs of several processes are not tested'
	$(AGAIN) run-test MPI=auto

deps:
	@CC='$(CC) $(CFLAGS)' tools/setup.sh install $(PACKAGES) $(PLAIN) $(PROGRAMS) check font

# Debian's packages of the libraries, a line each.
packages:
	@tools/setup.sh packages $(PACKAGES) $(PLAIN)

# All the steps that the digits need, however slow the machine is: it says first how long that takes. Ctrl-C saves, and
# the next `make demo` goes on. DEMO: options of sagan train, as --max-time 3m.
DEMO ?=
run-demo: all
	$(BUILD)/sagan info configs/demo.yaml --time
	$(BUILD)/sagan train configs/demo.yaml --out runs/demo $(DEMO)
	$(BUILD)/sagan sample runs/demo --n 100 --out runs/demo/digits.png
	@cat tools/after-demo.txt

# Two or more at a time, and every one, whatever the others say.
run-test: $(TESTS) $(EXAMPLES) $(B)/sagan $(MPI_TESTS) $(B)/tests/faults/shim.so
	@SAGAN=$(B)/sagan FAULTS_SHIM=$(B)/tests/faults/shim.so $(MPI_ENV) EXAMPLES=$(B)/docs/examples \
		CC='$(CC)$(FLAVOUR)' tests/run.sh $(TESTS)

# Programs that compare derivatives with differences, or values with others computed in double: float is too coarse.
DOUBLE := golden elementwise ops gemm trace \
	  $(patsubst tests/test_%.c,%,$(shell grep -lE 'tests/(gradcheck|layer_kit|blocks)\.h' tests/test_*.c))
# Programs that reach most of the memory and arithmetic in little time, under the sanitizers.
SANITIZED := archives arrays attention base checkpoint config conv data derivatives elementwise events examples fit \
	     gemm h5 keras_files keras_onnx keras_read layers loader memory ops optim picture_kinds pictures \
	     plan rewrite sampler trace

test-double: deps
	$(AGAIN) REAL=double ONLY='$(DOUBLE)' run-test

# Slower by half an order of magnitude: each test may take as much longer.
test-sanitized: deps
	$(AGAIN) SAN=address,undefined CFLAGS='-O2 -g' ONLY='$(SANITIZED)' CK_TIMEOUT_MULTIPLIER=10 run-test

# Lines and branches that the tests run; fails below these shares (in per cent).
coverage: deps
	$(AGAIN) COVERAGE=1 CFLAGS='-O1 -g' CK_TIMEOUT_MULTIPLIER=10 run-coverage

run-coverage: $(TESTS) $(EXAMPLES) $(B)/sagan
	@find $(B) -name '*.gcda' -delete
	@SAGAN=$(B)/sagan EXAMPLES=$(B)/docs/examples CC='$(CC)$(FLAVOUR)' tests/run.sh $(TESTS)
	@tests/coverage.sh $(B) 97 85

run-golden: $(B)/tests/test_golden
	@$< '$(GOLDEN)'

# Virtual environments below $(BUILD)/keras, from a package index: minutes, and not part of `make test`.
# KERAS='keras2.15 tf-keras' runs only these.
test-keras: all $(B)/tests/test_trace_ops $(B)/tests/test_onnx_layers
	TRACE_OPS=$(B)/tests/test_trace_ops ONNX_LAYERS=$(B)/tests/test_onnx_layers \
		tests/keras/run.sh $(BUILD)/sagan $(BUILD)/keras $(KERAS)

# The same below $(BUILD)/tensorboard: the event files of two small runs, in TensorBoard and on its page.
# Pages of runs in headless Chromium; pictures of them, to be looked at, lie in $(BUILD)/browser.
test-browser: all
	tests/browser/run.sh $(BUILD)/sagan $(BUILD)/browser

test-tensorboard: all
	tests/tensorboard/run.sh $(BUILD)/sagan $(BUILD)/tensorboard

# FID's network in full size against pytorch-fid's, with random weights: torch in a virtual environment below
# $(BUILD)/inception, minutes, and not part of `make test`.
test-inception: $(B)/tests/test_inception
	tests/inception/run.sh $< $(BUILD)/inception

# Pages of all layers and of a small run, in Chromium and Node, below $(BUILD)/web.
test-web: all $(B)/tests/test_web
	WEB_PAGES=$(B)/tests/test_web tests/web/run.sh $(BUILD)/sagan $(BUILD)/web

examples: $(EXAMPLES)

# A training step beside the same step in PyTorch and TensorFlow, which are installed below $(BUILD)/bench: the table is
# $(BUILD)/bench/speed.md, its bars speed.svg. FULL=1: four networks, every form of the peers. RACE: options of
# tests/peers/race.py.
bench: all
	python3 tests/peers/race.py $(if $(FULL),--full) $(RACE) $(BUILD)/sagan $(BUILD)/bench

# Convolutions and attention of many shapes, each alone.
bench-kernels: $(BENCHES)
	@for b in $(BENCHES); do echo "$$b"; $$b || exit 1; done

# 20,000 damaged files of each kind; FILES says how many. WITHIN=1: without a child to read them, many more a second,
# and what a child would hide is seen; with SAN=address,undefined, too.
fuzz: $(B)/tests/fuzz_$(if $(WITHIN),within,keras)
	@$< $(FILES)

# One reader under libFuzzer and the sanitizers, for FUZZ_TIME seconds. What it finds of new ways stays in
# $(BUILD)/fuzz/NAME, inputs that end it beside that. clang and its runtime are wanted: apt-get install clang.
FUZZ_CC      ?= clang
FUZZ_TIME    ?= 600
FUZZ_OPTIONS ?= -rss_limit_mb=4096 -timeout=20 -max_len=40000
fuzz-list:
	@printf '%s\n' $(FUZZ)

$(FUZZ:%=fuzz-%): fuzz-%:
	@$(MAKE) --no-print-directory CC='$(FUZZ_CC)' SAN=address,undefined,fuzzer-no-link \
		CFLAGS='-O1 -g' run-fuzz-$*

$(FUZZ:%=run-fuzz-%): run-fuzz-%: $(B)/tests/fuzz/libfuzzer-%
	@mkdir -p $(BUILD)/fuzz/$*
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 $< -max_total_time=$(FUZZ_TIME) $(FUZZ_OPTIONS) \
		-artifact_prefix=$(BUILD)/fuzz/$*- $(BUILD)/fuzz/$* tests/fuzz/corpus/$*

# Commands whose calls fail one after another: SEVERAL=30 places of each (0: all); CALL=malloc and COMMAND=export
# restrict it.
SEVERAL ?= 2
faults: all $(B)/tests/test_faults $(B)/tests/faults/shim.so
	@SEVERAL=$(SEVERAL) SAGAN=$(B)/sagan FAULTS_SHIM=$(B)/tests/faults/shim.so $(B)/tests/test_faults

# What docs/reliability.md promises, for so many seconds, and counted: half of them kills, power cuts, readers and
# second trainers, a fifth damaged files of each kind, the rest calls that fail.
TORTURE ?= 3600
torture: all $(B)/tests/torture/torture $(B)/tests/fuzz_keras $(B)/tests/test_faults $(B)/tests/faults/shim.so
	@$(B)/tests/torture/torture $$(($(TORTURE) / 2)) && $(B)/tests/fuzz_keras $$(($(TORTURE) / 5))s \
		$$(date +%s) && FAULTS_SECONDS=$$(($(TORTURE) * 3 / 10)) SAGAN=$(B)/sagan \
		FAULTS_SHIM=$(B)/tests/faults/shim.so $(B)/tests/test_faults

# A process of a run on several is killed again and again, at random moments: KILLS times.
KILLS ?= 100
torture-ranks: $(B)/sagan $(B)/sagan-mpi
	@$(MPI_ENV) python3 tests/ranks/kill.py $(B)/sagan $(KILLS)

# What several processes and slices cost: tables for docs/scaling.md. An idle machine is needed.
bench-ranks: $(B)/sagan $(B)/sagan-mpi
	@$(MPI_ENV) python3 tests/ranks/measure.py $(B)/sagan

# Every derivative of every op left out or bent, one at a time: tests/mutants.c. The table goes to docs/testing.md.
mutants: deps
	$(AGAIN) REAL=double run-mutants

run-mutants: $(B)/tests/mutants
	@$<

# One hash per level, whatever the number of threads.
same-bits: all
	@tools/same-bits.sh $(BUILD)/sagan

lint:
	@CC='$(CC)' tools/lint.sh

# ---- install, uninstall, dist ----

# What is installed: mode, file, place below PREFIX. `make uninstall` removes this list.
LIBRARY   = 644,$(B)/libsagan.a,lib/libsagan.a \
	    $(foreach h,sagan.h $(notdir $(PUBLIC)),644,$(B)/include/sagan/$h,include/sagan/$h)
INSTALLED = 755,$(B)/sagan,bin/sagan $(if $(MPI_NAME),755$(comma)$(B)/sagan-mpi$(comma)bin/sagan-mpi) $(LIBRARY) \
	    644,$(B)/sagan.pc,lib/pkgconfig/sagan.pc 644,tools/sagan.1,share/man/man1/sagan.1 \
	    644,tools/completion.bash,share/bash-completion/completions/sagan

install: all $(B)/include/sagan/sagan.h $(B)/sagan.pc
	@tools/install.sh put '$(INTO)' $(INSTALLED)

uninstall:
	@tools/install.sh remove '$(INTO)' $(INSTALLED)

# The pkg-config file for a prefix. pkg-config wants a backslash before a space.
pc = sed -e 's|@PREFIX@|$(subst $(space),\\ ,$(subst &,\&,$1))|' -e 's|@VERSION@|$(VERSION)|' \
	 -e 's|@PACKAGES@|$(PACKAGES)|' -e 's|@PLAIN@|$(PLAIN:%=-l%)|' tools/sagan.pc.in

# PREFIX may be another than the last time.
$(B)/sagan.pc: FORCE
	@mkdir -p $(@D)
	@$(call pc,$(PREFIX)) > $@

# The committed files, the same bytes each time; builds and tests without git.
dist:
	@tools/dist.sh '$(BUILD)' sagan-$(VERSION)

clean:
	rm -rf $(BUILD)

FORCE:
.PHONY: all demo test test-double test-sanitized coverage golden deps packages run-demo run-test run-coverage \
	run-golden test-keras test-inception test-browser test-tensorboard test-web examples bench bench-kernels fuzz \
	fuzz-list mutants faults torture torture-ranks bench-ranks run-mutants lint same-bits install uninstall dist \
	clean FORCE
.SECONDARY:
%.d: ;
-include $(shell find $(B) -name '*.d' 2>/dev/null)
