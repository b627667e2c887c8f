# How the benchmark is built and run. `make bench`, or: make bench BENCH_ARGS='11 --csv figures.csv' BENCH_CPU=1

benchProgram := $(BUILD)/bench/bench
benchSources := $(sort $(wildcard bench/*.c))
BENCH_ARGS ?=
# The processor to run on; empty: the last one that this process may use, as the first often serves the interrupts.
BENCH_CPU ?=
# Asked when the recipe runs, not when this file is read: only `make bench` needs it.
benchCommit = $(shell git --no-optional-locks describe --always --dirty --exclude='*' 2>/dev/null)

.PHONY: bench benchProgram
# Built anew each time: the commit is compiled in and must be the one that is measured.
benchProgram: $(benchSources) bench/bench.h $(staticLibrary)
	@mkdir -p $(BUILD)/bench
	$(CC) $(STRICT) $(CFLAGS) $(EXTRA) $(if $(benchCommit),-DMEMA_COMMIT='"$(benchCommit)"') -DMEMA_FLAGS='"$(CFLAGS)"' \
	  -o $(benchProgram) $(benchSources) $(staticLibrary) -ldl

bench: benchProgram
	@if command -v taskset >/dev/null; then \
	  cpu='$(BENCH_CPU)'; \
	  exec taskset -c "$${cpu:-$$(taskset -cp $$$$ | sed 's/.*[^0-9]//')}" $(benchProgram) $(BENCH_ARGS); \
	else \
	  exec $(benchProgram) $(BENCH_ARGS); \
	fi
