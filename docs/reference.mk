# The manual pages, the completions of shells and the pages of reference: made from the tables of cli/ and from mema.h, and kept in the
# repository, so that an installation needs neither python3 nor a program that runs here.

DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d

manuals1 := $(wildcard docs/man/*.1)
manuals3 := $(wildcard docs/man/*.3)
# Each line: a function, and the page that describes it.
manualLinks := docs/man/links

.PHONY: reference install-reference uninstall-reference
reference: $(cli)
	bash docs/reference.sh $(cli) .

install-reference: directories
	install -d $(addprefix $(DESTDIR),$(MANDIR)/man1 $(MANDIR)/man3 $(BASHDIR) $(ZSHDIR) $(FISHDIR))
	install -m 644 $(manuals1) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(manuals3) $(DESTDIR)$(MANDIR)/man3
	while read -r link page; do ln -sf "$$page" "$(DESTDIR)$(MANDIR)/man3/$$link" || exit; done <$(manualLinks)
	install -m 644 packaging/completions/mema.bash $(DESTDIR)$(BASHDIR)/mema
	install -m 644 packaging/completions/_mema $(DESTDIR)$(ZSHDIR)/_mema
	install -m 644 packaging/completions/mema.fish $(DESTDIR)$(FISHDIR)/mema.fish

uninstall-reference:
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man1/,$(notdir $(manuals1))) $(addprefix $(DESTDIR)$(MANDIR)/man3/,$(notdir $(manuals3)))
	while read -r link page; do rm -f "$(DESTDIR)$(MANDIR)/man3/$$link"; done <$(manualLinks)
	rm -f $(addprefix $(DESTDIR),$(BASHDIR)/mema $(ZSHDIR)/_mema $(FISHDIR)/mema.fish)
