# sagan: `make` builds build/sagan; `make demo`, `make test` need nothing but git, gcc, make and apt.
#
# make REAL=double          everything in double (derivative checks run in it)
# make SAN=address,undefined
# make V=1                  shows the commands

REAL ?= float
SAN  ?=
V    ?=
Q    := $(if $(V),,@)

CONFIG := $(REAL)$(if $(SAN),-$(subst $(comma),-,$(SAN)))
comma  := ,
BUILD  ?= build
B      := $(BUILD)/$(REAL)$(if $(SAN),-$(subst $(comma),-,$(SAN)))

PACKAGES := openblas libpng hdf5 yaml-0.1 zlib
CC       ?= gcc
CFLAGS   ?= -O3 -g
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
ALL_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L -I. $(WARN) $(CFLAGS) \
	-fno-math-errno -fno-trapping-math -pthread \
	$(if $(filter double,$(REAL)),-DREAL_DOUBLE) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -DNO_CLONES) \
	$(shell pkg-config --cflags $(PACKAGES))
LIBS      = $(shell pkg-config --libs $(PACKAGES)) -lm -pthread
TEST_LIBS = $(shell pkg-config --libs check)

# The register tiles are compiled once per instruction set and chosen at run time (core/tile.h).
LEVELS   := $(if $(filter x86_64,$(shell uname -m)),base v3 v4,base)
FLAGS_base := -ffp-contract=fast
FLAGS_v3   := -ffp-contract=fast -march=x86-64-v3
FLAGS_v4   := -ffp-contract=fast -march=x86-64-v4 -mprefer-vector-width=512

LIB_SRC  := $(filter-out core/tile.c,$(wildcard core/*.c layers/*.c optim/*.c data/*.c gan/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o) $(LEVELS:%=$(B)/core/tile_%.o)
TOOL_SRC := $(wildcard tools/*.c)
TESTS    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
HELP_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out $(wildcard tests/test_*.c tests/bench_*.c),$(wildcard tests/*.c)))

all: $(BUILD)/sagan

$(BUILD)/sagan: $(TOOL_SRC:%.c=$(B)/%.o) $(B)/libsagan.a
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

$(B)/libsagan.a: $(LIB_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/core/tile_%.o: core/tile.c $(B)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(FLAGS_$*) -DTILE_LEVEL=$* -MMD -MP -c -o $@ $<

$(B)/%.o: %.c $(B)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/%: $(B)/tests/%.o $(HELP_OBJ) $(B)/libsagan.a
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)

# Rewritten only when the command changes, so that `make CFLAGS=...` rebuilds.
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' > $@

tests: $(TESTS)

test: $(TESTS)
	@for t in $(TESTS); do $$t || exit 1; done

clean:
	rm -rf $(BUILD)

FORCE:
.PHONY: all tests test clean FORCE
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
