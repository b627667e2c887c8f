# How the benchmark is built and run.
#
#   make bench                                    all of it, on all peers: some minutes; draws docs/speed.svg
#   make bench-programs                           whole programs under preloaded allocators: some minutes
#   make bench-programs BENCH_ARGS='--earlier /path/to/libmema-preload.so'   beside the library of another commit, too
#   make bench-latency                            the longest calls of a fixed pool: a minute
#   make bench-hosts                              libraries in a pool, beside their own allocator: some minutes
#   make bench-hosts-counted                      the same in instructions, which repeat on a busy machine: ten minutes
#   make bench-server                             examples/server under load, with pools and without: two minutes
#   make bench-quick                              three rounds beside glibc, mimalloc and APR: under a minute
#   make bench BENCH_ARGS='11 --csv figures.csv'  11 rounds; figures as CSV
#   make bench BENCH_ARGS='--rows a,b1,l --peers glibc,jemalloc' BENCH_CPU=1

benchProgram := $(BUILD)/bench/bench
benchSources := $(sort $(wildcard bench/*.c))
benchLauncher := $(BUILD)/bench/programs/launch
pairsProgram := $(BUILD)/tests/programs/mallocPairs
benchPairs := $(BUILD)/bench/pairs
benchHeaders := $(wildcard bench/*.h)
BENCH_ARGS ?=
# The processor to run on. Empty: the last one that this process may use, since the first often serves the interrupts.
# Rows with threads use all processors that this process may use.
BENCH_CPU ?=
# Where the figures go unless BENCH_ARGS says otherwise.
benchCsv := $(BUILD)/bench/figures.csv
# Of the whole only: a picture of some rows would take the place of that in the README.
benchPicture = $(if $(findstring --rows,$(BENCH_ARGS))$(findstring --peers,$(BENCH_ARGS)),,--svg docs/speed.svg)
# Asked when the recipe runs, not when this file is read: only `make bench` needs it.
benchCommit = $(shell git --no-optional-locks describe --always --dirty --exclude='*' 2>/dev/null)

define runBench
@if command -v taskset >/dev/null; then \
  cpu='$(BENCH_CPU)'; \
  mask=$$(taskset -p $$$$ | sed 's/.* //'); \
  exec taskset -c "$${cpu:-$$(taskset -cp $$$$ | sed 's/.*[^0-9]//')}" $(benchProgram) --processors "$$mask" $(1); \
else \
  exec $(benchProgram) $(1); \
fi
endef

latencyProgram := $(BUILD)/bench/latency

.PHONY: bench bench-hosts bench-hosts-counted bench-server bench-quick bench-programs bench-latency benchProgram
# The timed loops begin at a cache line: where they happened to lie moved single rows by 6 %.
# Built anew each time: the commit is compiled in and must be the one that is measured.
benchProgram: $(benchSources) $(benchHeaders) $(traceObjects) $(staticLibrary)
	@mkdir -p $(BUILD)/bench
	$(call show,CC,bench/*.c) $(CC) $(STRICT) $(CFLAGS) $(EXTRA) -falign-functions=64 \
	  $(if $(benchCommit),-DMEMA_COMMIT='"$(benchCommit)"') -DMEMA_FLAGS='"$(CFLAGS)"' \
	  -o $(benchProgram) $(benchSources) $(traceObjects) $(staticLibrary) $(zstdLibs) -ldl -lm -pthread

$(benchLauncher): bench/programs/launch.c
	@mkdir -p $(@D)
	$(call show,CC,$<) $(CC) $(STRICT) $(CFLAGS) -static -o $@ $<

$(latencyProgram): bench/latency/latency.c $(staticLibrary)
	@mkdir -p $(@D)
	$(call show,CC,$<) $(CC) $(STRICT) $(CFLAGS) $(EXTRA) -o $@ $^ -pthread

bench-latency: $(latencyProgram)
	@if command -v taskset >/dev/null; then taskset -c "$$(taskset -cp $$$$ | sed 's/.*[^0-9]//')" $<; else $<; fi

# Libraries in a pool, beside their own allocator. BENCH_ARGS: the rounds.
hostBenches := $(BUILD)/bench/hosts/lua $(BUILD)/bench/hosts/sqlite
$(BUILD)/bench/hosts/lua: hostFlags := -isystem /usr/include/lua5.4
$(BUILD)/bench/hosts/lua: hostLibraries := -llua5.4
$(BUILD)/bench/hosts/sqlite: hostLibraries := -lsqlite3
$(BUILD)/bench/hosts/%: bench/hosts/%.c bench/hosts/paired.h $(wildcard include/*.h) $(staticLibrary)
	@mkdir -p $(@D)
	$(call show,CC,$<) $(CC) $(STRICT) -D_GNU_SOURCE $(hostFlags) $(CFLAGS) $(EXTRA) -o $@ $< $(staticLibrary) $(hostLibraries) -pthread

# SQLite's own benchmark, of Debian's sources; without them the rest is measured. Its warnings are not ours.
speedtest := $(BUILD)/bench/hosts/speedtest1
$(speedtest)/speedtest1.c:
	@bash bench/hosts/speedtest.sh $(@D) 2>$(BUILD)/bench/fetched || \
	  echo 'bench: speedtest1 could not be fetched; measured without' >&2

$(speedtest)/speedtest: bench/hosts/speedtest.c bench/hosts/paired.h $(wildcard include/*.h) $(staticLibrary)
	$(call show,CC,$<) $(CC) -w $(CFLAGS) -Dmain=speedtest1 -c -o $@.o $(@D)/speedtest1.c
	@$(CC) $(STRICT) -D_GNU_SOURCE $(CFLAGS) $(EXTRA) -o $@ $< $@.o $(staticLibrary) -lsqlite3 -pthread

bench-hosts: $(hostBenches)
	@for program in $(hostBenches); do $$program $(BENCH_ARGS) || exit; done
	@$(MAKE) -s --no-print-directory $(speedtest)/speedtest1.c
	@[ ! -f $(speedtest)/speedtest1.c ] || \
	  { $(MAKE) -s --no-print-directory $(speedtest)/speedtest && cd $(speedtest) && ./speedtest $(BENCH_ARGS); }

bench-hosts-counted: $(hostBenches)
	@$(MAKE) -s --no-print-directory $(speedtest)/speedtest1.c
	@[ ! -f $(speedtest)/speedtest1.c ] || $(MAKE) -s --no-print-directory $(speedtest)/speedtest
	@SPEEDTEST_SIZE=$${SPEEDTEST_SIZE:-3} bash bench/hosts/counted.sh $(hostBenches) $$([ ! -x $(speedtest)/speedtest ] || echo $(speedtest)/speedtest)

# The example server under the load of wrk, with pools and with malloc. BENCH_ARGS: the seconds of each measurement, and the rounds.
bench-server: $(staticLibrary)
	@bash bench/server/load.sh '$(BUILD)' '$(CC)' $(BENCH_ARGS)

# Rows of malloc and free under a preloaded allocator: their instructions are counted first.
bench: benchProgram $(pairsProgram) $(preloadLibrary)
	@bash bench/setup.sh pairs
	@mkdir -p $(benchPairs)
	@bash bench/pairs/prepare.sh $(benchPairs) $(pairsProgram) $(preloadLibrary)
	$(call runBench,--pairs $(benchPairs) --preload $(preloadLibrary) --csv $(benchCsv) $(benchPicture) $(BENCH_ARGS))

bench-quick: benchProgram
	$(call runBench,--quick --csv $(BUILD)/bench/quick.csv $(BENCH_ARGS))

bench-programs: benchProgram $(benchLauncher) $(preloadLibrary)
	@bash bench/setup.sh programs
	@bash bench/programs/prepare.sh $(BUILD)/bench/programs
	@$(benchProgram) --programs $(BUILD)/bench/programs --preload $(preloadLibrary) \
	  --csv $(BUILD)/bench/programs.csv $(BENCH_ARGS)
