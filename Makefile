# mema: build, run, test, install. Needs gcc (or clang: CC=clang) and GNU make; `make help` lists the targets.
VERSION := 0.1.0
SOVERSION := 0

# "make" without CC means gcc, as the README says; any C11 compiler with the GNU extensions will do.
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

coreSources := $(sort $(wildcard src/*.c src/*/*.c))
preloadSources := $(sort $(wildcard preload/*.c))
cliSources := $(sort $(wildcard cli/*.c))
coreObjects := $(coreSources:%.c=$(BUILD)/obj/%.o)
preloadObjects := $(preloadSources:%.c=$(BUILD)/obj/%.o)
cliObjects := $(cliSources:%.c=$(BUILD)/obj/%.o)

staticLibrary := $(BUILD)/libmema.a
sharedLibrary := $(BUILD)/libmema.so.$(VERSION)
preloadLibrary := $(BUILD)/libmema-preload.so
cli := $(BUILD)/mema
products := $(staticLibrary) $(sharedLibrary) $(preloadLibrary) $(cli)

.PHONY: all run test clean install uninstall help
all: $(products)

help:
	@echo 'make             builds libmema.a, libmema.so, libmema-preload.so and mema in $(BUILD)/'
	@echo 'make run         builds, then shows a pool at work, then the C compiler inside one'
	@echo 'make test        installs what the tests need (Debian), then runs all of them'
	@echo 'make install     to PREFIX=$(PREFIX) below DESTDIR; make uninstall removes it again'
	@echo 'make clean       removes $(BUILD)/'

# ---- build ------------------------------------------------------------------------------------------------------------

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(STRICT) -fPIC $(tlsModel) $(builtins) $(CFLAGS) $(EXTRA) -MMD -MP -c -o $@ $<

# The library keeps about a hundred bytes per thread; initial-exec finds them without a call that may allocate.
$(coreObjects) $(preloadObjects): tlsModel := -ftls-model=initial-exec
# The malloc family must not be compiled into calls of itself (calloc as malloc + memset).
$(preloadObjects): builtins := -fno-builtin

$(staticLibrary): $(coreObjects)
	rm -f $@
	$(AR) rcs $@ $^

$(sharedLibrary): $(coreObjects) src/exports.map
	$(CC) $(CFLAGS) $(EXTRA) -shared -Wl,-soname,libmema.so.$(SOVERSION) -Wl,--version-script=src/exports.map \
	  -Wl,-z,relro,-z,now -o $@ $(coreObjects)
	ln -sf libmema.so.$(VERSION) $(BUILD)/libmema.so.$(SOVERSION)
	ln -sf libmema.so.$(SOVERSION) $(BUILD)/libmema.so

$(preloadLibrary): $(preloadObjects) $(coreObjects) preload/exports.map
	$(CC) $(CFLAGS) $(EXTRA) -shared -Wl,-soname,libmema-preload.so -Wl,--version-script=preload/exports.map \
	  -Wl,-z,relro,-z,now -o $@ $(preloadObjects) $(coreObjects)

$(cli): $(cliObjects)
	$(CC) $(CFLAGS) $(EXTRA) -o $@ $^

$(BUILD)/examples/%: examples/%.c $(staticLibrary)
	@mkdir -p $(@D)
	$(CC) $(STRICT) $(CFLAGS) $(EXTRA) -o $@ $< $(staticLibrary)

-include $(coreObjects:.o=.d) $(preloadObjects:.o=.d) $(cliObjects:.o=.d)

# ---- use --------------------------------------------------------------------------------------------------------------

run: all $(BUILD)/examples/quickstart
	@BUILD=$(BUILD) CC='$(CC)' sh examples/run.sh

clean:
	rm -rf $(BUILD)

# ---- install ----------------------------------------------------------------------------------------------------------

install: all
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(BINDIR)
	install -m 644 include/mema.h $(DESTDIR)$(INCLUDEDIR)/mema.h
	install -m 644 $(staticLibrary) $(DESTDIR)$(LIBDIR)/libmema.a
	install -m 755 $(sharedLibrary) $(DESTDIR)$(LIBDIR)/libmema.so.$(VERSION)
	ln -sf libmema.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libmema.so.$(SOVERSION)
	ln -sf libmema.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libmema.so
	install -m 755 $(preloadLibrary) $(DESTDIR)$(LIBDIR)/libmema-preload.so
	install -m 755 $(cli) $(DESTDIR)$(BINDIR)/mema
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	  packaging/mema.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/mema.pc
# The loader finds a new shared library by its cache, which only root can renew, and which a staged install leaves alone.
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi

uninstall:
	rm -f $(DESTDIR)$(INCLUDEDIR)/mema.h $(DESTDIR)$(LIBDIR)/libmema.a $(DESTDIR)$(LIBDIR)/libmema.so \
	  $(DESTDIR)$(LIBDIR)/libmema.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libmema.so.$(VERSION) \
	  $(DESTDIR)$(LIBDIR)/libmema-preload.so $(DESTDIR)$(LIBDIR)/pkgconfig/mema.pc $(DESTDIR)$(BINDIR)/mema

include tests/tests.mk

-include bench/bench.mk
