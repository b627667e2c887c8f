# How the test programs are built and started; what they prove is in tests/README.md.
# tests/run.sh calls this file back with another BUILD, CC and EXTRA for each variant. TEST_CFLAGS are for the tests, not for the library.

testFlags := -Itests/support -D_GNU_SOURCE
testSupport := $(BUILD)/obj/tests/support/support.o $(BUILD)/obj/tests/support/hooked.o
testModel := $(BUILD)/obj/tests/model/model.o
familyModel := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/model/family/*.c)))
unitPrograms := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/*.c)))
internalPrograms := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/internal/*.c)))
threadsPrograms := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/threads/*.c)))
misusePrograms := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/misuse/*.c)))
helperPrograms := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/programs/*.c)))
modelPrograms := $(BUILD)/tests/model/exhaustive $(BUILD)/tests/model/random $(BUILD)/tests/model/family
traceTestSupport := $(BUILD)/obj/tests/traces/support/example.o
tracePrograms := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/traces/*.c)))
testPrograms := $(unitPrograms) $(internalPrograms) $(threadsPrograms) $(misusePrograms) $(helperPrograms) $(modelPrograms) $(tracePrograms)

$(unitPrograms) $(internalPrograms) $(threadsPrograms): testLibraries := -lcmocka
$(BUILD)/tests/model/exhaustive $(BUILD)/tests/model/random: $(testModel)
$(BUILD)/tests/model/family: $(familyModel)
# A further engine, and a table of engines with its row in place of the library's: docs/adding-an-engine.md.
furtherEngine := $(BUILD)/obj/tests/internal/engine/mallocEngine.o $(BUILD)/obj/tests/internal/engine/engines.o
$(BUILD)/tests/internal/engine: $(furtherEngine) $(testModel)
$(BUILD)/obj/tests/internal/engine/engines.o: src/heap/engines.c
	@mkdir -p $(@D)
	$(call show,CC,$< (with a further engine)) $(CC) $(STRICT) $(CFLAGS) $(EXTRA) -DMEMA_FURTHER_ENGINE=mallocOps -MMD -MP -c -o $@ $<
$(tracePrograms): $(traceTestSupport) $(traceObjects)
$(tracePrograms): testLibraries := $(zstdLibs)

$(BUILD)/tests/%: tests/%.c $(testSupport) $(staticLibrary)
	@mkdir -p $(@D)
	$(call show,CC,$<) $(CC) $(STRICT) $(testFlags) $(CFLAGS) $(EXTRA) $(TEST_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(filter %.o,$^) $(staticLibrary) \
	  $(testLibraries) -pthread

$(BUILD)/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call show,CC,$<) $(CC) $(STRICT) $(testFlags) $(CFLAGS) $(EXTRA) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<

-include $(testSupport:.o=.d) $(testModel:.o=.d) $(familyModel:.o=.d) $(furtherEngine:.o=.d) $(traceTestSupport:.o=.d) $(testPrograms:%=%.d)

.PHONY: testPrograms test unit internal threads misuse model traces test-guest test-hosts test-single test-packages test-debian test-new-user test-everywhere test-metrics test-unity test-torture test-watched test-plain
testPrograms: $(testPrograms)

# make test ONLY='NAME…' runs a part of it: tests/README.md.
test:
	@BUILD='$(BUILD)' ONLY='$(ONLY)' bash tests/run.sh

# One group, one compiler: for the minutes between two runs of the whole suite.
unit: $(unitPrograms)
	@BUILD='$(BUILD)' bash tests/group.sh unit

internal: $(internalPrograms)
	@BUILD='$(BUILD)' bash tests/group.sh internal

threads: $(threadsPrograms)
	@BUILD='$(BUILD)' bash tests/group.sh threads

misuse: $(misusePrograms)
	@BUILD='$(BUILD)' bash tests/group.sh misuse

model: $(modelPrograms)
	@BUILD='$(BUILD)' bash tests/group.sh model

traces: $(tracePrograms)
	@BUILD='$(BUILD)' bash tests/group.sh traces

# All of the unit suite, with the library as one source file.
test-single: all
	@WHOLE=1 BUILD='$(BUILD)' CC='$(CC)' bash tests/single.sh

# CMake and Meson build all that they install.
test-packages: all
	@WHOLE=1 BUILD='$(BUILD)' CC='$(CC)' bash tests/packages.sh

# Other processors and another C library, or those that ONLY names; a Cortex-M4.
test-everywhere:
	@status=0; BUILD='$(BUILD)' bash tests/everywhere.sh $(ONLY) || status=1; \
	  [ -n '$(ONLY)' ] || BUILD='$(BUILD)' bash tests/cortexM4.sh || status=1; exit $$status

# The Debian packages, built, compared, installed on a new system.
test-debian:
	@bash tests/debian.sh

# The README, block by block, on a new system that has gcc and make alone.
test-new-user:
	@WITH=debootstrap bash tests/setup.sh
	@bash tests/newUser.sh

# mema_test.h with Unity itself, from the sources of a Debian package that has a copy.
test-unity: all
	@bash tests/unity.sh '$(BUILD)/unity'
	@UNITY='$(abspath $(BUILD))/unity' BUILD='$(BUILD)' CC='$(CC)' ONLY='Unity-itself' bash tests/expectations.sh

# Torture of a program with 10,000 children.
test-torture: all
	@WHOLE=1 BUILD='$(BUILD)' CC='$(CC)' ONLY='$(ONLY)' sh tests/cli/torture.sh

# A real Prometheus scrapes the figures of pools.
test-metrics: all
	@WITH=prometheus bash tests/setup.sh
	@WHOLE=1 BUILD='$(BUILD)' CC='$(CC)' bash tests/metrics.sh

# Each request of Lua and SQLite is refused once, not a part of them; QuickJS, from an npm package that has its sources.
test-hosts: all
	@bash tests/setup.sh
	@bash tests/quickjs.sh '$(BUILD)/quickjs' || echo 'QuickJS could not be fetched; tested without' >&2
	@QUICKJS='$(abspath $(BUILD))/quickjs' WHOLE=1 BUILD='$(BUILD)' CC='$(CC)' bash tests/hosts.sh

# Every mistake with a chunk, in every kind of pool, under memcheck too; then no mistake in any program of unit/.
test-watched: all $(addprefix $(BUILD)/tests/model/,exhaustive random family) $(unitPrograms) $(misusePrograms)
	@status=0; BUILD='$(BUILD)' CC='$(CC)' ONLY='$(ONLY)' bash tests/watched.sh --all || status=1; \
	  [ -n '$(ONLY)' ] || BUILD='$(BUILD)' bash tests/watchedUnits.sh || status=1; exit $$status

# The unit, misuse and threads programs, with each chunk a malloc of its own.
test-plain: all $(unitPrograms) $(threadsPrograms) $(misusePrograms)
	@BUILD='$(BUILD)' CC='$(CC)' ONLY='$(ONLY)' bash tests/plain.sh

test-guest: all
	@status=0; for script in run space; do \
	  [ -z '$(ONLY)' ] || grep -q '^section $(ONLY)$$' tests/guest/$$script.sh || continue; \
	  BUILD='$(BUILD)' CC='$(CC)' ONLY='$(ONLY)' sh tests/guest/$$script.sh || status=1; \
	done; exit $$status
