# ssetail. `make` builds both programs, `make help` lists the rest.
#
# Modules are named without their ending. What a user sets on the command
# line or in config.mk (CC, CFLAGS, LDFLAGS, PREFIX ...) is added to what the
# project needs, never put in its place.

VERSION = 0.1

-include config.mk

# common: what both programs share, lower floors first.
COMMON = memory buffer log place ids order utf8 encode block metrics split ring access cors span beat measurement request head \
         page viewer judge cure doctor \
         config config_fault config_find config_key config_list config_same config_source config_text config_value \
         program cold path mount probe grants sandbox overlay spool file scan siblings \
         chain chain_around chain_copy chain_look chain_resolve watch \
         pump pump_drain pump_lock pump_move pump_pipe pump_thread pump_turn pump_watch \
         feed feed_cursor feed_head feed_ids feed_produce feed_start feed_watch \
         clock source hub hub_page hub_pipe hub_reload hub_route figures stream account obstacle remedy check
FCGI   = record admit admit_pair admit_parse listen notify tally diary client client_open client_send client_stream reload server main
CGI    = init fetch examine main

# Test programs are found by their names: tests/PART/test_NAME.c. Functions
# that one of them replaces (ld's --wrap): WRAP_test_NAME = malloc accept4
PARTS  = units front servers browser cluster

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

# Where make install puts what. DESTDIR stands before all of them, and is not
# compiled in.
PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc/ssetail
FCGIDIR     ?= $(PREFIX)/lib/ssetail
CGIDIR      ?= $(PREFIX)/lib/cgi-bin
MANDIR      ?= $(PREFIX)/share/man
DOCDIR      ?= $(PREFIX)/share/doc/ssetail
UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d

LIBCONFIG = $(shell $(PKG_CONFIG) --libs libconfig 2>/dev/null || echo -lconfig)
LIBFCGI   = -lfcgi
LIBCMOCKA = $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null || echo -lcmocka)

common_o = $(COMMON:%=$(BUILD)/common/%.o)
fcgi_o   = $(FCGI:%=$(BUILD)/fcgi/%.o)
cgi_o    = $(CGI:%=$(BUILD)/cgi/%.o)
programs = $(BUILD)/ssetail.fcgi $(BUILD)/ssetail.cgi

# V=1 shows the commands.
step = $(if $(V),,@echo '  $1 $@';)

all: $(programs)

$(BUILD)/ssetail.fcgi: $(common_o) $(fcgi_o)
	$(call step,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBFCGI) $(LIBCONFIG) -lpthread $(LDLIBS)

$(BUILD)/ssetail.cgi: $(common_o) $(cgi_o)
	$(call step,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBCONFIG) -lpthread $(LDLIBS)

# For a host with neither a compiler nor our libraries. Of its own objects:
# what a sanitizer instruments cannot be linked so. The linker warns of what
# would be loaded at run time after all, as NSS: that is an error.
static = $(BUILD)/static/ssetail.cgi

static: $(static)

$(static): override SANITIZE =
$(static): LDHARDEN = -static-pie -Wl,-z,relro,-z,now
$(static): HARDEN += -ffunction-sections -fdata-sections
$(static): $(COMMON:%=$(BUILD)/static/common/%.o) $(CGI:%=$(BUILD)/static/cgi/%.o)
	$(call step,LD)$(CC) $(ALL_LDFLAGS) -Wl,--gc-sections,--fatal-warnings -s -o $@ $^ -lconfig $(LDLIBS)

define compile
@mkdir -p $(@D)
$(call step,CC)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
endef

$(BUILD)/static/%.o: %.c
	$(compile)

$(BUILD)/%.o: %.c
	$(compile)

# The assembler includes them: common/embed.h.
$(BUILD)/cgi/init.o $(BUILD)/static/cgi/init.o: \
	conf/apache/htaccess conf/apache/htssetail.conf
$(BUILD)/common/page.o $(BUILD)/static/common/page.o: common/page/colours.css
$(BUILD)/common/viewer.o $(BUILD)/static/common/viewer.o: \
	$(addprefix common/viewer/,viewer.html viewer.css viewer.js worker.js)
$(BUILD)/common/doctor.o $(BUILD)/static/common/doctor.o: \
	$(addprefix common/doctor/,doctor.html doctor.css doctor.js)

# What is compiled into these may change without a change of their sources.
settings = $(VERSION) $(SYSCONFDIR)
settled  = common/config_find common/figures cgi/main fcgi/main
$(settled:%=$(BUILD)/%.o) $(settled:%=$(BUILD)/static/%.o) \
$(BUILD)/tests/unit/test_config.o $(BUILD)/tests/front/test_command.o $(BUILD)/tests/front/test_install.o: \
	$(BUILD)/settings

ifneq ($(file <$(BUILD)/settings),$(settings))
.PHONY: $(BUILD)/settings
endif
$(BUILD)/settings:
	@mkdir -p $(@D)
	@echo '$(settings)' >$@

help:
	@echo 'make               builds build/ssetail.fcgi and build/ssetail.cgi'
	@echo 'make static        build/static/ssetail.cgi, which needs no library where it runs'
	@echo 'make install       and uninstall; DESTDIR, PREFIX and the rest below say where.'
	@echo '                   A configuration that is there is never touched'
	@echo 'make dist          build/ssetail-$(VERSION).tar.gz of the commit that is checked out'
	@echo 'make run           a demonstration with a lighttpd of its own; Ctrl-C ends it'
	@echo 'make check         every test there is, some of which need root (the programs'
	@echo '                   never do); a part of it alone:'
	@echo '                   $(PARTS:%=make check-%  )'
	@echo 'make picture       the picture of the viewer that README.md shows, anew'
	@echo 'make torture       100,000 lines, every kind of rotation, kill -9; mutants'
	@echo 'make faults        every fault of tests/tools/faults.list, in half an hour; a few'
	@echo '                   need root'
	@echo 'make soak          everything at once for SECONDS (60), under kill -9 and reloads'
	@echo 'make bench         what it costs, beside the limit and beside others; BENCH=delivery'
	@echo '                   runs a part of it, BENCH=-q all of it quickly'
	@echo 'make figures       what the last of these found, into README.md'
	@echo 'make fuzz          each harness of tests/fuzz for FUZZ_SECONDS (60), with clang;'
	@echo '                   FUZZ="place split" picks some'
	@echo 'make fuzz-coverage how much of the parsers their corpus reaches'
	@echo 'make lint          the floors, the format, what static analysers say'
	@echo 'make sanitize      make check with address, undefined and leak sanitizers'
	@echo 'make valgrind      the same in memcheck, but for what it names; VALGRIND="PROGRAM..." some'
	@echo 'make clean         removes build/'
	@echo
	@echo 'Whatever needs more Debian packages installs them, and says so first.'
	@echo 'Variables: CC CFLAGS CPPFLAGS LDFLAGS LDLIBS (or in config.mk),'
	@echo '           DESTDIR PREFIX SYSCONFDIR FCGIDIR CGIDIR MANDIR DOCDIR UNITDIR SYSUSERSDIR,'
	@echo '           WERROR=1, SANITIZE=address,undefined, V=1 shows commands'

# ---- installation

manuals   = cgi/ssetail.cgi.1 conf/ssetail.conf.5 common/ssetail.7 common/ssetail-doctor.7 fcgi/ssetail.fcgi.8
fragments = $(filter-out conf/demo/% conf/systemd/% $(addprefix conf/cluster/,bridge publish Resp.pm %.service),\
                         $(wildcard conf/*/*))

# FROM>TO. Texts name the places of this installation.
install_programs = $(BUILD)/ssetail.fcgi>$(FCGIDIR)/ssetail.fcgi \
                   $(BUILD)/ssetail.cgi>$(CGIDIR)/ssetail.cgi
install_scripts  = conf/cluster/bridge>$(FCGIDIR)/bridge conf/cluster/publish>$(FCGIDIR)/publish
install_texts    = $(foreach m,$(manuals),$m>$(MANDIR)/man$(m:$(basename $m).%=%)/$(notdir $m)) \
                   $(foreach f,$(fragments),$f>$(f:conf/%=$(DOCDIR)/%)) \
                   conf/systemd/ssetail.service>$(UNITDIR)/ssetail.service \
                   conf/systemd/ssetail.socket>$(UNITDIR)/ssetail.socket \
                   conf/cluster/Resp.pm>$(FCGIDIR)/Resp.pm \
                   conf/cluster/ssetail-bridge@.service>$(UNITDIR)/ssetail-bridge@.service \
                   conf/cluster/ssetail-publish@.service>$(UNITDIR)/ssetail-publish@.service \
                   conf/systemd/sysusers.conf>$(SYSUSERSDIR)/ssetail.conf \
                   conf/ssetail.conf>$(DOCDIR)/ssetail.conf \
                   README.md>$(DOCDIR)/README.md LICENSE>$(DOCDIR)/LICENSE
configuration    = conf/ssetail.conf>$(SYSCONFDIR)/ssetail.conf

places  = -e 's|/usr/local/lib/ssetail|$(FCGIDIR)|g' \
          -e 's|/usr/local/lib/cgi-bin|$(CGIDIR)|g' \
          -e 's|/etc/ssetail|$(SYSCONFDIR)|g'
from    = $(firstword $(subst >, ,$1))
to      = $(DESTDIR)$(lastword $(subst >, ,$1))

define install_program
	$(if $(V),,@echo '  INSTALL $(call to,$1)';) install -D -m 755 $(call from,$1) $(call to,$1)

endef
# FROM>TO, the mode.
define install_text
	$(if $(V),,@echo '  INSTALL $(call to,$1)';) sed $(places) $(call from,$1) >$(BUILD)/text && \
	install -D -m $2 $(BUILD)/text $(call to,$1) && rm -f $(BUILD)/text

endef

# A configuration that is there is the administrator's.
install: all
	$(foreach f,$(install_programs),$(call install_program,$f))
	$(foreach f,$(install_scripts),$(call install_text,$f,755))
	$(foreach f,$(install_texts),$(call install_text,$f,644))
	$(if $(shell ls -d $(call to,$(configuration)) 2>/dev/null),,$(call install_text,$(configuration),644))

# Not the configuration; and of folders only those that are ours alone.
uninstall:
	rm -f $(foreach f,$(install_programs) $(install_scripts) $(install_texts),$(call to,$f))
	@for folder in $(patsubst conf/%,$(DESTDIR)$(DOCDIR)/%,$(sort $(dir $(fragments)))) \
		$(patsubst %,$(DESTDIR)%,$(filter %/ssetail,$(DOCDIR) $(FCGIDIR))); do \
		[ ! -d $$folder ] || rmdir --ignore-fail-on-non-empty $$folder; done

# The same commit gives the same bytes.
tarball = $(BUILD)/ssetail-$(VERSION).tar

dist:
	@mkdir -p $(BUILD)
	git -c tar.umask=0022 archive --format=tar --prefix=ssetail-$(VERSION)/ -o $(tarball) HEAD
	gzip -9nf $(tarball)
	@[ -z "$$(git status --porcelain)" ] || echo 'dist: what is not committed is not in it'

# ---- tests

# What is missing is installed before anything is compiled, hence a second
# make for what follows.
PACKAGES = tests/tools/packages -r build/undo
AGAIN    = +@$(MAKE) --no-print-directory $(if $(V),,-s)

# picks VARIABLE,OF: it picks something, and nothing but some of these.
picks = $(if $(strip $($1)),,$(error $1 picks nothing: expected some of $2))$\
        $(foreach one,$(filter-out $2,$($1)),$(error $1: no $(one): expected some of $2))

testlib_o  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib/*.c))
tested_o   = $(common_o) $(filter-out %/main.o,$(fcgi_o))
tests_in   = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/$1/test_*.c))
fuzzers    = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
units      = $(call tests_in,unit) $(fuzzers)
front      = $(call tests_in,front)
servers    = $(call tests_in,servers)
browser    = $(call tests_in,browser)
cluster    = $(call tests_in,cluster)

# These run the programs, some with this loaded into them.
preloads = $(patsubst %,$(BUILD)/tests/tools/%.so,heapinfo slowdisk hangfs noroom otherday lookin)

$(front) $(servers) $(browser) $(cluster): | $(programs) $(static)
$(units) $(front) $(servers) $(browser) $(cluster): | $(preloads)

$(preloads): $(BUILD)/%.so: %.c
	@mkdir -p $(@D)
	$(call step,CC)$(CC) -std=c11 -D_GNU_SOURCE -O -fPIC -shared -o $@ $< -lpthread

# libFuzzer brings a main of its own.
ifeq ($(findstring fuzzer,$(SANITIZE)),)
$(fuzzers): $(BUILD)/tests/fuzz/replay.o
endif

WRAP_test_cold = preadv2 pread fstatfs
WRAP_fuzz_split = cold_read
WRAP_test_pump = inotify_init1
WRAP_test_stream = realloc

$(units) $(front) $(servers) $(browser) $(cluster): %: %.o $(testlib_o) $(tested_o)
	$(call step,LD)$(CC) $(ALL_LDFLAGS) $(WRAP_$(@F):%=-Wl,--wrap=%) -o $@ $^ \
		$(LIBCMOCKA) $(LIBFCGI) $(LIBCONFIG) -lpthread $(LDLIBS)

check:
	@$(PACKAGES) build check servers browser cluster
	+@tests/tools/check all $(BUILD) $(MAKE) $(PARTS:%=checked-%)

$(PARTS:%=check-%): check-%:
	@$(PACKAGES) build check $(filter servers browser cluster,$*)
	$(AGAIN) checked-$*

$(PARTS:%=checked-%): checked-%:
	+@tests/tools/check $* $(BUILD) $(MAKE) $($*)

# Every test under address, undefined and leak sanitizers; and in memcheck,
# which takes an hour.
sanitize:
	+@$(MAKE) --no-print-directory SANITIZE=address,undefined check

every_test = $(units) $(front) $(servers) $(browser) $(cluster)
VALGRIND   = $(every_test)

valgrind:
	@$(call picks,VALGRIND,$(every_test))$(PACKAGES) build check servers browser cluster valgrind
	$(AGAIN) $(VALGRIND)
	@tests/tools/valgrind $(BUILD) $(VALGRIND)

# Made at every check, but kept only when somebody has looked at it.
picture:
	@$(PACKAGES) build check browser
	$(AGAIN) $(BUILD)/tests/browser/test_viewer
	@rm -f $(BUILD)/viewer-readme.png
	@TEST_BUILD=$(BUILD) TEST_FILTER=it_looks_like_this \
		$(BUILD)/tests/browser/test_viewer
	cp $(BUILD)/viewer-readme.png conf/demo/viewer.png

lint:
	@$(PACKAGES) build check lint
	@tests/tools/lint $(ALL_CPPFLAGS) -std=c11

# ---- fuzzing

FUZZ_SECONDS = 60
harnesses    = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ         = $(harnesses)

fuzzers: $(fuzzers)

# What the tests themselves compare leads to no input that is of interest.
$(BUILD)/tests/%.o: override SANITIZE := $(SANITIZE:fuzzer,%=%)

fuzz:
	@$(call picks,FUZZ,$(harnesses))tests/tools/number FUZZ_SECONDS '$(FUZZ_SECONDS)'
	@$(PACKAGES) build check fuzz
	$(AGAIN) CC=clang SANITIZE=fuzzer,address,undefined fuzzers
	@tests/tools/fuzz build/sanitize-fuzzer-address-undefined \
		$(FUZZ_SECONDS) $(FUZZ)

# Nothing but the harnesses with the corpus; -O0, so that a line is a line.
fuzz-coverage:
	@$(PACKAGES) build check coverage
	$(AGAIN) CC=gcc BUILD=build/coverage HARDEN= LDHARDEN= \
		CFLAGS='-O0 --coverage' LDFLAGS=--coverage fuzzers
	@tests/tools/fuzz-coverage build/coverage

# ---- figures

BENCH   =
bench   = $(BUILD)/tests/bench/bench $(BUILD)/tests/bench/beside/threads \
          $(BUILD)/tests/bench/beside/bare
bench_o = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c)) \
          $(BUILD)/tests/lib/ask.o $(BUILD)/tests/lib/bytes.o $(BUILD)/tests/lib/fragment.o

$(BUILD)/tests/bench/bench: $(bench_o)
	$(call step,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lm $(LDLIBS)

# What others would write, for comparison.
$(BUILD)/tests/bench/beside/threads: $(BUILD)/tests/bench/beside/threads.o
	$(call step,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBFCGI) -lpthread $(LDLIBS)

$(BUILD)/tests/bench/beside/bare: $(BUILD)/tests/bench/beside/bare.o
	$(call step,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

# Rotation of every kind under readers that come and go, and proof that it
# would notice: mutants of this tree have to fail it.
TORTURE_LINES ?= 100000

torture:
	@tests/tools/number TORTURE_LINES '$(TORTURE_LINES)'
	@$(PACKAGES) build check
	$(AGAIN) $(programs) $(BUILD)/tests/front/test_torture
	@TEST_BUILD=$(BUILD) TORTURE_LINES=$(TORTURE_LINES) \
		$(BUILD)/tests/front/test_torture
	@tests/tools/mutants $(BUILD)/tests/front/test_torture $(MAKE)

# What a check lives a sample of is lived in full here.
FAULTS_EVERY ?= 1

faults:
	@tests/tools/number FAULTS_EVERY '$(FAULTS_EVERY)'
	@$(PACKAGES) build check servers
	$(AGAIN) $(programs) $(static) $(units) $(front) $(servers)
	@FAULTS_EVERY=$(FAULTS_EVERY) tests/tools/faults $(BUILD)

# Everything at once, for as long as one likes.
SECONDS ?= 60

soak:
	@tests/tools/number SECONDS '$(SECONDS)'
	@$(PACKAGES) build check
	$(AGAIN) $(programs) $(BUILD)/tests/front/test_soak
	@TEST_BUILD=$(BUILD) SOAK_SECONDS=$(SECONDS) \
		$(BUILD)/tests/front/test_soak

bench:
	@$(PACKAGES) build bench
	$(AGAIN) $(programs) $(bench)
	@$(BUILD)/tests/bench/bench -b $(BUILD) $(BENCH)

# Those of the last run, for whoever publishes them.
figures:
	tests/tools/figures README.md $(BUILD)/bench/figures.md

# ---- demonstration

# A make that a script put in the background ignores SIGINT, and one that is
# sent it alone waits for its children, who know nothing of it. This object,
# loaded into make itself, passes the signal on as SIGTERM.
ifneq ($(filter run,$(MAKECMDGOALS)),)
-load build/tests/tools/interrupt.so
endif

build/tests/tools/interrupt.so: tests/tools/interrupt.c
	@mkdir -p $(@D)
	@$(CC) -std=c11 -D_GNU_SOURCE -O -fPIC -shared -o $@ $<

demo_o = $(BUILD)/tests/tools/demo.o $(BUILD)/tests/lib/fragment.o

$(BUILD)/tests/tools/demo: $(demo_o)
	$(call step,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

run:
	@$(PACKAGES) build run
	$(AGAIN) $(programs) $(BUILD)/tests/tools/demo
	@$(BUILD)/tests/tools/demo $(BUILD)

clean:
	rm -rf build

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)

.PHONY: all static install uninstall dist help check $(PARTS:%=check-%) $(PARTS:%=checked-%) bench figures torture soak faults picture \
	fuzz fuzzers fuzz-coverage lint sanitize valgrind run clean
