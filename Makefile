# ssetail. `make` builds both programs, `make help` lists the rest.
#
# Modules are named without their ending. What a user sets on the command
# line or in config.mk (CC, CFLAGS, LDFLAGS, PREFIX ...) is added to what the
# project needs, never put in its place.

VERSION = 0.1

-include config.mk

# common: what both programs share, lower floors first.
COMMON = buffer log utf8 place encode split ring request head config \
         file siblings chain watch feed clock stream
FCGI   = listen admit client server main
CGI    = main

# SANITIZE=address,undefined builds into a folder of its own.
SANITIZE =
BUILD    = build$(if $(SANITIZE),/sanitize-$(subst $(comma),-,$(SANITIZE)))
comma    = ,

CC         ?= cc
CFLAGS     ?= -O2 -g
PKG_CONFIG ?= pkg-config

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
           -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wundef \
           -Wvla -Wformat=2 -Wimplicit-fallthrough -Wnull-dereference
# make WERROR=1 turns warnings into errors; CI does.
WERROR   =
HARDEN   = -fstack-protector-strong -fstack-clash-protection -fPIE \
           $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
LDHARDEN = -pie -Wl,-z,relro,-z,now

ALL_CPPFLAGS = -D_GNU_SOURCE -I. -DSSETAIL_VERSION='"$(VERSION)"' \
               -DSYSCONFDIR='"$(SYSCONFDIR)"' $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 $(WARNINGS) $(if $(WERROR),-Werror) $(HARDEN) \
               $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
               -fno-omit-frame-pointer) $(CFLAGS)
ALL_LDFLAGS  = $(LDHARDEN) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc/ssetail

LIBCONFIG = $(shell $(PKG_CONFIG) --libs libconfig 2>/dev/null || echo -lconfig)
LIBFCGI   = -lfcgi
LIBCMOCKA = $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null || echo -lcmocka)

common_o = $(COMMON:%=$(BUILD)/common/%.o)
fcgi_o   = $(FCGI:%=$(BUILD)/fcgi/%.o)
cgi_o    = $(CGI:%=$(BUILD)/cgi/%.o)

all: $(BUILD)/ssetail.fcgi $(BUILD)/ssetail.cgi

$(BUILD)/ssetail.fcgi: $(common_o) $(fcgi_o)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBFCGI) $(LIBCONFIG) -lpthread $(LDLIBS)

$(BUILD)/ssetail.cgi: $(common_o) $(cgi_o)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBCONFIG) -lpthread $(LDLIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

clean:
	rm -rf build

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

.PHONY: all clean
