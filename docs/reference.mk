# The manual pages, the completions of shells and the pages of reference: made from the tables of cli/ and from mema.h, and kept in the
# repository, so that an installation needs neither python3 nor a program that runs here.

DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d

# A page of section 3 may be a link to another: `.so man3/NAME`.
manuals := $(notdir $(wildcard docs/man/*.[13]))
manualFiles := $(foreach page,$(manuals),$(MANDIR)/man$(lastword $(subst ., ,$(page)))/$(page))

.PHONY: reference install-reference uninstall-reference
reference: $(cli)
	bash docs/reference.sh $(cli) .

install-reference: directories
	install -d $(addprefix $(DESTDIR),$(MANDIR)/man1 $(MANDIR)/man3 $(BASHDIR) $(ZSHDIR) $(FISHDIR))
	install -m 644 $(wildcard docs/man/*.1) $(DESTDIR)$(MANDIR)/man1
	$(if $(wildcard docs/man/*.3),install -m 644 $(wildcard docs/man/*.3) $(DESTDIR)$(MANDIR)/man3)
	install -m 644 packaging/completions/mema.bash $(DESTDIR)$(BASHDIR)/mema
	install -m 644 packaging/completions/_mema $(DESTDIR)$(ZSHDIR)/_mema
	install -m 644 packaging/completions/mema.fish $(DESTDIR)$(FISHDIR)/mema.fish

uninstall-reference:
	rm -f $(addprefix $(DESTDIR),$(manualFiles) $(BASHDIR)/mema $(ZSHDIR)/_mema $(FISHDIR)/mema.fish)
