# mema: build, run, test, install. Needs gcc (or clang: CC=clang) and GNU make; `make help` lists the targets.
VERSION := 0.1.0
SOVERSION := 0

# Without CC on the command line, make uses gcc. Any C11 compiler with the GNU extensions works.
ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar
PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
BINDIR ?= $(PREFIX)/bin
BUILD ?= build
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-align -Wundef \
  -Wwrite-strings -Wvla
STRICT := -std=c11 -Iinclude $(WARNINGS) -fno-strict-aliasing -fvisibility=hidden
# Extra flags of a variant (the test suite sets -Werror and the sanitizers here).
EXTRA ?=

# A recipe prints one short line, such as "CC src/pool.c". V=1 shows the whole commands; `make -s` prints neither.
V ?= 0
ifneq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
show = @
else ifeq ($(V),0)
show = @echo '$(1) $(2)';
endif

coreSources := $(sort $(filter-out src/freestanding/%,$(wildcard src/*/*.c src/*/*/*.c)))
# The fixed engine alone, for programs without a C library or an operating system.
fixedSources := $(sort $(wildcard src/heap/fixed/*.c)) \
  $(addprefix src/pool/,allocate.c change.c charge.c fixedChunk.c intact.c pool.c refuse.c) \
  src/report/check.c src/report/stats.c src/api/text.c src/base/error.c $(wildcard src/freestanding/*.c)
fixedObjects := $(fixedSources:%.c=$(BUILD)/freestanding/%.o)
single := $(BUILD)/single/mema.c
preloadSources := $(sort $(wildcard preload/*.c))
recordSources := $(sort $(wildcard record/*.c))
# Sources that look at programs belong to the command as well; those that replace functions of the C library do not.
lookSources := exec/inspect.c exec/sanitizer.c exec/obstacle.c exec/search.c
execSources := $(sort $(wildcard exec/*.c))
traceSources := $(sort $(wildcard trace/*.c))
cliSources := $(sort $(wildcard cli/*.c))
# SINGLE=1 builds the libraries from the one source file that `make amalgamation` writes.
SINGLE ?= 0
ifeq ($(SINGLE),1)
coreObjects := $(BUILD)/obj/single/mema.o
else
coreObjects := $(coreSources:%.c=$(BUILD)/obj/%.o)
endif
preloadObjects := $(preloadSources:%.c=$(BUILD)/obj/%.o)
recordObjects := $(recordSources:%.c=$(BUILD)/obj/%.o)
execObjects := $(execSources:%.c=$(BUILD)/obj/%.o)
lookObjects := $(lookSources:%.c=$(BUILD)/obj/%.o)
traceObjects := $(traceSources:%.c=$(BUILD)/obj/%.o)
cliObjects := $(cliSources:%.c=$(BUILD)/obj/%.o)

# Traces are compressed if libzstd is installed (Debian: libzstd-dev). ZSTD=0 builds without it, ZSTD=1 requires it.
ZSTD ?= $(shell echo 'int main(void) { return ZSTD_versionNumber() == 0; }' | \
  $(CC) -include zstd.h -x c - -o /dev/null -lzstd 2>/dev/null && echo 1 || echo 0)
ZSTD := $(ZSTD)
ifeq ($(ZSTD),1)
zstdFlags := -DMEMA_ZSTD
zstdLibs := -lzstd
endif

staticLibrary := $(BUILD)/libmema.a
sharedLibrary := $(BUILD)/libmema.so.$(VERSION)
preloadLibrary := $(BUILD)/libmema-preload.so
recordLibrary := $(BUILD)/libmema-record.so
cli := $(BUILD)/mema
fixedLibrary := $(BUILD)/libmema-fixed.a
products := $(staticLibrary) $(sharedLibrary) $(fixedLibrary) $(preloadLibrary) $(recordLibrary) $(cli)

.PHONY: all freestanding amalgamation abi run test clean install uninstall help
all: $(products)

help:
	@echo 'make                 builds libmema.a, libmema.so, libmema-fixed.a, the libraries to preload, and mema in $(BUILD)/'
	@echo 'make freestanding    builds libmema-fixed.a alone: fixed pools, without a C library'
	@echo 'make amalgamation    writes the library as one source file: $(BUILD)/single/mema.c, and mema.h beside it'
	@echo 'make abi             writes the public types and functions of libmema.so to $(abiDump) (abigail-tools)'
	@echo 'make run             builds, then shows a pool at work, then the C compiler inside one'
	@echo 'make test            installs what the tests need (Debian), then runs all of them: fifteen to twenty minutes'
	@echo 'make test ONLY=NAME  one test program, group or variant: tests/README.md'
	@echo 'make bench           installs other allocators (Debian), then measures beside them: seven minutes'
	@echo 'make bench-quick     three rounds beside the allocators that are installed: half a minute'
	@echo 'make bench-programs  whole programs, with each allocator preloaded: six minutes'
	@echo 'make bench-hosts     Lua and SQLite in a pool, beside their default allocator: three minutes'
	@echo 'make bench-hosts-counted   the same in instructions, which repeat on a busy machine (valgrind): ten minutes'
	@echo 'make bench-server    examples/server under load, with pools and without (wrk, libmicrohttpd-dev): two minutes'
	@echo 'make bench-latency   the longest calls of a fixed pool: a minute'
	@echo 'make install         to PREFIX=$(PREFIX) below DESTDIR; make uninstall removes it again'
	@echo 'make reference       writes the manual pages, completions and docs/reference anew, from the tables and mema.h'
	@echo 'make clean           removes $(BUILD)/'
	@echo 'V=1 shows whole commands. CC=clang, CFLAGS=…, CPPFLAGS=…, LDFLAGS=…, BUILD=DIRECTORY and ZSTD=0 (no compressed traces) are respected.'

# ---- build ----------------------------------------------------------------------------------------------------------

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call show,CC,$<) $(CC) $(STRICT) -fPIC -funwind-tables $(tlsModel) $(builtins) $(roomFlags) $(fileFlags) $(CPPFLAGS) $(CFLAGS) $(EXTRA) -MMD -MP -c -o $@ $<

# Where the compiler makes no unwind tables by itself (C on 32-bit ARM and on RISC-V), no stack could be walked beyond a palloc.
# The library keeps about a hundred bytes per thread; initial-exec finds them without a call that may allocate.
$(coreObjects) $(preloadObjects) $(recordObjects) $(execObjects): tlsModel := -ftls-model=initial-exec
# The malloc family must not be compiled into calls of itself (calloc as malloc + memset).
$(preloadObjects) $(recordObjects) $(execObjects): builtins := -fno-builtin
# Offsets and numbers of files have 64 bits where a word has 32, too. preload/ takes the place of mmap, whose name this would change.
$(cliObjects) $(traceObjects) $(execObjects) $(recordObjects): fileFlags := -D_FILE_OFFSET_BITS=64
# An object that was built with the other answer is built again.
zstdAnswer := $(BUILD)/obj/zstd.$(ZSTD)
$(traceObjects): roomFlags := $(zstdFlags)
$(traceObjects): $(zstdAnswer)
$(zstdAnswer):
	@mkdir -p $(@D)
	@rm -f $(BUILD)/obj/zstd.*
	@touch $@

$(staticLibrary): $(coreObjects)
	@rm -f $@
	$(call show,AR,$@) $(AR) rcs $@ $^

freestanding: $(fixedLibrary)
	@size -t $(fixedLibrary) | \
	  awk 'END { print "$(fixedLibrary): " $$1 " bytes of code and constants, " $$2 + $$3 " of data" }'

$(fixedLibrary): $(fixedObjects)
	@rm -f $@
	$(call show,AR,$@) $(AR) rcs $@ $^

# CFLAGS=-Os makes it smallest. Only the compiler's own headers are visible: the target may have no C library.
$(BUILD)/freestanding/%.o: %.c
	@mkdir -p $(@D)
	$(call show,CC,$< (freestanding)) $(CC) $(STRICT) -ffreestanding -nostdinc \
	  -include src/freestanding/alone.h -isystem $(shell $(CC) -print-file-name=include) $(CFLAGS) $(EXTRA) -fno-stack-protector \
	  -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections -MMD -MP -c -o $@ $<

amalgamation: $(single)

$(single): packaging/amalgamate.py include/mema.h $(shell find src -name '*.[ch]')
	$(call show,PY,$@) python3 packaging/amalgamate.py $(@D) $(coreSources) -- src/freestanding/alone.h $(fixedSources)

$(BUILD)/obj/single/mema.o: $(single)
	@mkdir -p $(@D)
	$(call show,CC,$<) $(CC) $(STRICT) -fPIC -funwind-tables $(tlsModel) $(CPPFLAGS) $(CFLAGS) $(EXTRA) -MMD -MP -c -o $@ $<

# The library is never unloaded: ending threads and forks call it.
$(sharedLibrary): $(coreObjects) src/exports.map
	$(call show,LD,$@) $(CC) $(CFLAGS) $(EXTRA) $(LDFLAGS) -shared \
	  -Wl,-soname,libmema.so.$(SOVERSION) -Wl,--version-script=src/exports.map \
	  -Wl,-z,relro,-z,now,-z,nodelete -o $@ $(coreObjects) -pthread
	@ln -sf libmema.so.$(VERSION) $(BUILD)/libmema.so.$(SOVERSION)
	@ln -sf libmema.so.$(SOVERSION) $(BUILD)/libmema.so

# The interface that linked programs rely on. tests/abi.sh compares.
abiDump ?= packaging/abi/$(shell uname -m).abi
abi: $(sharedLibrary)
	$(call show,ABIDW,$(abiDump)) abidw --headers-dir include --exported-interfaces-only --drop-private-types \
	  --no-comp-dir-path --no-corpus-path --no-show-locs --no-elf-needed --no-parameter-names --out-file $(abiDump) $(sharedLibrary)

$(preloadLibrary): $(preloadObjects) $(execObjects) $(coreObjects) preload/exports.map
	$(call show,LD,$@) $(CC) $(CFLAGS) $(EXTRA) $(LDFLAGS) -shared \
	  -Wl,-soname,libmema-preload.so -Wl,--version-script=preload/exports.map \
	  -Wl,-z,relro,-z,now,-z,nodelete -o $@ $(preloadObjects) $(execObjects) $(coreObjects) -ldl -pthread

$(recordLibrary): $(recordObjects) $(execObjects) record/exports.map
	$(call show,LD,$@) $(CC) $(CFLAGS) $(EXTRA) $(LDFLAGS) -shared \
	  -Wl,-soname,libmema-record.so -Wl,--version-script=record/exports.map \
	  -Wl,-z,relro,-z,now -o $@ $(recordObjects) $(execObjects) -ldl -pthread

$(cli): $(cliObjects) $(lookObjects) $(traceObjects) $(staticLibrary)
	$(call show,LD,$@) $(CC) $(CFLAGS) $(EXTRA) $(LDFLAGS) -o $@ $^ $(zstdLibs) -ldl -pthread

$(BUILD)/examples/%: examples/%.c $(staticLibrary)
	@mkdir -p $(@D)
	$(call show,CC,$<) $(CC) $(STRICT) $(CPPFLAGS) $(CFLAGS) $(EXTRA) $(LDFLAGS) -o $@ $< $(staticLibrary) -pthread

allObjects := $(coreObjects) $(fixedObjects) $(preloadObjects) $(recordObjects) $(execObjects) $(traceObjects) $(cliObjects)
-include $(allObjects:.o=.d)

# ---- use ------------------------------------------------------------------------------------------------------------

run: all $(BUILD)/examples/quickstart
	@BUILD=$(BUILD) CC='$(CC)' sh examples/run.sh

clean:
	rm -rf $(BUILD)

# ---- install --------------------------------------------------------------------------------------------------------

# pkg-config and the loader split a directory at a space. A relative one means another place to each reader of mema.pc.
.PHONY: directories
directories:
	@for directory in '$(INCLUDEDIR)' '$(LIBDIR)' '$(BINDIR)' '$(MANDIR)' '$(BASHDIR)' '$(ZSHDIR)' '$(FISHDIR)'; do \
	  case "$(DESTDIR)$$directory" in \
	  *[[:space:]]*) echo "make install: no directory with a space in its name: $(DESTDIR)$$directory" >&2; \
	    exit 2;; esac; \
	  case "$$directory" in /*) ;; *) echo "make install: not an absolute path: $$directory" >&2; exit 2;; esac; done

install: directories all install-reference
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(BINDIR)
	install -m 644 include/mema.h include/mema.hpp include/mema_test.h include/mema_sites.h include/mema_current.h include/mema_host.h \
	  include/mema_lua.h include/mema_quickjs.h include/mema_sqlite.h $(DESTDIR)$(INCLUDEDIR)
	install -m 644 $(staticLibrary) $(DESTDIR)$(LIBDIR)/libmema.a
	install -m 644 $(fixedLibrary) $(DESTDIR)$(LIBDIR)/libmema-fixed.a
	install -m 755 $(sharedLibrary) $(DESTDIR)$(LIBDIR)/libmema.so.$(VERSION)
	ln -sf libmema.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libmema.so.$(SOVERSION)
	ln -sf libmema.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libmema.so
	install -m 755 $(preloadLibrary) $(DESTDIR)$(LIBDIR)/libmema-preload.so
	install -m 755 $(recordLibrary) $(DESTDIR)$(LIBDIR)/libmema-record.so
	install -m 755 $(cli) $(DESTDIR)$(BINDIR)/mema
	$(call show,SED,packaging/*.pc.in) for name in mema mema-fixed; do \
	  sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' packaging/$$name.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/$$name.pc || exit; done
# The loader finds a new shared library through its cache. Only root can renew it; a staged install leaves it alone.
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi

uninstall: uninstall-reference
	rm -f $(DESTDIR)$(INCLUDEDIR)/mema.h $(DESTDIR)$(INCLUDEDIR)/mema.hpp $(DESTDIR)$(INCLUDEDIR)/mema_test.h $(DESTDIR)$(INCLUDEDIR)/mema_sites.h \
	  $(DESTDIR)$(INCLUDEDIR)/mema_current.h $(DESTDIR)$(INCLUDEDIR)/mema_host.h \
	  $(DESTDIR)$(INCLUDEDIR)/mema_lua.h $(DESTDIR)$(INCLUDEDIR)/mema_quickjs.h \
	  $(DESTDIR)$(INCLUDEDIR)/mema_sqlite.h \
	  $(DESTDIR)$(LIBDIR)/libmema.a $(DESTDIR)$(LIBDIR)/libmema-fixed.a \
	  $(DESTDIR)$(LIBDIR)/libmema.so \
	  $(DESTDIR)$(LIBDIR)/libmema.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libmema.so.$(VERSION) \
	  $(DESTDIR)$(LIBDIR)/libmema-preload.so $(DESTDIR)$(LIBDIR)/libmema-record.so \
	  $(DESTDIR)$(LIBDIR)/pkgconfig/mema.pc $(DESTDIR)$(LIBDIR)/pkgconfig/mema-fixed.pc $(DESTDIR)$(BINDIR)/mema

include docs/reference.mk

include tests/tests.mk

-include bench/bench.mk
