# coop. GNU make; no configure step.
#
#   make            the programs, in build/
#   make check      installs what the tests need, then runs them all
#   make demo       installs what it needs, then runs the main job end to end
#   make soak       HOURS=1 RATE=500: sipd under load for hours, its memory and coroutines drawn: soak.svg
#   make install    programs and manual pages, under PREFIX (/usr/local) and DESTDIR
#   SAN=1           with AddressSanitizer and UBSan, in build/san
#   POLLER=poll     with poll(2) in place of epoll(7), in build/poll
#
# also: memcheck (the unit tests under valgrind), fuzz (FUZZ_SECONDS=60 a target), interop (sipd with Kamailio and baresip), lint, bench,
# uninstall, clean

VERSION = 0.1.0
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
POLLER  ?= epoll
CFLAGS  ?= -O2 -g

, := ,
B := build$(if $(FUZZ),/fuzz)$(if $(SAN),/san)$(if $(filter-out epoll,$(POLLER)),/$(POLLER))
ifdef FUZZ
override CC := clang
endif

# what cannot be built without, told in one line; the other goals install it
NEEDS   := lua5.4 libbsd-overlay openssl libidn2
MISSING := $(strip $(if $(shell command -v pkg-config),$(foreach p,$(NEEDS),$(if $(shell pkg-config --exists $p && echo yes),,$p)), \
	pkg-config) $(if $(shell command -v $(firstword $(CC))),,$(firstword $(CC))))
ifneq ($(MISSING),)
ifneq ($(filter-out check demo bench soak interop fuzz lint uninstall clean,$(or $(MAKECMDGOALS),all)),)
$(error missing: $(MISSING). On Debian, `scripts/deps build` installs what coop is built with: Lua 5.4, libbsd, OpenSSL, libidn2, a C compiler)
endif
endif

LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null)
LUA_LIBS   := $(shell pkg-config --libs lua5.4 2>/dev/null)
BSD_CFLAGS := $(shell pkg-config --cflags libbsd-overlay 2>/dev/null)
BSD_LIBS   := $(shell pkg-config --libs libbsd-overlay 2>/dev/null)
SSL_CFLAGS := $(shell pkg-config --cflags openssl 2>/dev/null)
SSL_LIBS   := $(shell pkg-config --libs openssl 2>/dev/null)
IDN_CFLAGS := $(shell pkg-config --cflags libidn2 2>/dev/null)
IDN_LIBS   := $(shell pkg-config --libs libidn2 2>/dev/null)

override CFLAGS += -std=c11 -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	$(if $(FUZZ)$(SAN),-O1 -fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer) \
	$(if $(FUZZ),-fsanitize=fuzzer-no-link)
# gcc's shared UBSan knows no log_path, by which scripts/check finds what it caught
override LDFLAGS += -Wl,--as-needed $(if $(SAN),$(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan))
override CPPFLAGS += -D_GNU_SOURCE -Ilib -Icmd -DCOOP_VERSION='"$(VERSION)"' -DPOLLER_DEFAULT='"$(POLLER)"' \
	-DPLAIN_MEMORY=$(if $(FUZZ)$(SAN),1,0) \
	$(BSD_CFLAGS) $(LUA_CFLAGS) $(SSL_CFLAGS) $(IDN_CFLAGS)

PROGRAMS := $(notdir $(patsubst %/,%,$(wildcard cmd/*/)))
DAEMONS  := $(basename $(notdir $(wildcard man/*.8)))
PAGES    := $(wildcard man/*.[0-9])
LIB_OBJ  := $(patsubst %.c,$(B)/%.o,$(wildcard lib/*/*.c)) $(patsubst %.lua,$(B)/%.o,$(wildcard lib/*/*.lua))
CLI_OBJ  := $(patsubst %.c,$(B)/%.o,$(wildcard cmd/*.c))
UNIT     := $(patsubst t/unit/%.c,$(B)/t/%,$(wildcard t/unit/*.c))

LIBS_corun   = $(LUA_LIBS) -lm
LIBS_sipd    = $(LUA_LIBS) -lm
LIBS_dnsq    = -lm
LIBS_gcwatch = -lm

all: $(PROGRAMS:%=$(B)/%)

# other flags, other objects
$(B)/flags: export FLAGS = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(B)/flags: always
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS" | cmp -s - $@ || printf '%s\n' "$$FLAGS" >$@

$(B)/%.o: %.c Makefile $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libcoop.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

define program
$(B)/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard cmd/$(1)/*.c)) $(patsubst %.lua,$(B)/%.o,$(wildcard cmd/$(1)/*.lua)) $(CLI_OBJ) $(B)/libcoop.a
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(SSL_LIBS) $$(IDN_LIBS) $$(BSD_LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# a Lua script inside of a program: cmd/sipd/default.lua is the array default_lua of default_lua_len bytes
$(B)/%.o: %.lua Makefile $(B)/flags
	@mkdir -p $(@D)
	{ echo 'extern const unsigned char $(notdir $*)_lua[]; extern const unsigned long $(notdir $*)_lua_len;'; \
	  echo 'const unsigned char $(notdir $*)_lua[] = {'; od -An -v -tu1 $< | sed 's/  */,/g; s/^,//; s/$$/,/'; \
	  echo '}; const unsigned long $(notdir $*)_lua_len = sizeof($(notdir $*)_lua);'; } | $(CC) $(CFLAGS) -x c -c -o $@ -

# unit tests count on failing allocations: see t/unit/tap.h
WRAP = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=mmap
$(B)/t/%: t/unit/%.c $(B)/libcoop.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -It/unit $(CFLAGS) $(LDFLAGS) $(WRAP) -MMD -MP -o $@ $< $(B)/libcoop.a $(LUA_LIBS) $(SSL_LIBS) $(IDN_LIBS) $(BSD_LIBS) -lm

unit: $(UNIT)

# what corun is measured beside
$(B)/bench/%: scripts/bench/%.c Makefile $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(LUA_LIBS) $(LIBS_$*)

# the tests do without libev
LIBS_ev = -lev
LIBS_sipload = -lm $(BSD_LIBS)
BENCHES := $(filter-out $(if $(wildcard /usr/include/ev.h),,scripts/bench/ev.c),$(wildcard scripts/bench/*.c))
benches: $(BENCHES:scripts/bench/%.c=$(B)/bench/%)

# the doors know nothing of Lua
ifdef FUZZ
LIB_OBJ := $(filter-out $(B)/lib/lua/%,$(LIB_OBJ))
FUZZERS := $(patsubst t/fuzz/%.c,$(B)/t/%,$(wildcard t/fuzz/*.c))
$(FUZZERS): $(B)/t/%: t/fuzz/%.c $(B)/libcoop.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(B)/libcoop.a $(SSL_LIBS) $(IDN_LIBS) $(BSD_LIBS) -lm
fuzzers: $(FUZZERS)
endif

# what is missing is installed first; only a second make can see it
SUBMAKE = $(MAKE) --no-print-directory -s $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
check:
	@scripts/deps build test
	@+$(SUBMAKE) all unit benches
	@+$(SUBMAKE) FUZZ=1 SAN= POLLER=epoll fuzzers
	@COOP_BUILD=$(B) scripts/check

# the unit tests again, slowly
memcheck:
	@scripts/deps build test
	@+$(SUBMAKE) unit
	@COOP_BUILD=$(B) scripts/check -m

demo:
	@scripts/deps build demo
	@+$(SUBMAKE) all
	@COOP_BUILD=$(B) scripts/demo

bench:
	@scripts/deps build bench
	@+$(SUBMAKE) all benches
	@COOP_BUILD=$(B) scripts/bench/run

soak:
	@scripts/deps build demo
	@+$(SUBMAKE) all $(B)/bench/sipload
	@COOP_BUILD=$(B) HOURS=$(HOURS) RATE=$(RATE) GC=$(GC) THREADS=$(THREADS) COLLECT=$(COLLECT) LOAD=$(LOAD) scripts/soak/run

# what is not installed is told, and left out
interop:
	@scripts/deps build
	@+$(SUBMAKE) all
	@COOP_BUILD=$(B) scripts/interop

fuzz:
	@scripts/deps build fuzz
	@+$(SUBMAKE) FUZZ=1 SAN= POLLER=epoll fuzzers
	@scripts/fuzz

lint:
	@scripts/deps build test
	@scripts/manuals
	@scripts/lint

# clang has the last word on what gcc let pass
syntax:
	@clang $(CPPFLAGS) -It/unit $(CFLAGS) -fsyntax-only $(wildcard lib/*/*.c cmd/*.c cmd/*/*.c t/unit/*.c t/fuzz/*.c) $(BENCHES)

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR)
	set -e; for p in $(PROGRAMS); do \
	  case " $(DAEMONS) " in *" $$p "*) to=$(DESTDIR)$(SBINDIR) ;; *) to=$(DESTDIR)$(BINDIR) ;; esac; \
	  install -m 755 $(B)/$$p $$to/$$p; done
	set -e; for p in $(PAGES); do \
	  install -d $(DESTDIR)$(MANDIR)/man$${p##*.}; install -m 644 $$p $(DESTDIR)$(MANDIR)/man$${p##*.}/$${p##*/}; done

uninstall:
	set -e; for p in $(PROGRAMS); do rm -f $(DESTDIR)$(BINDIR)/$$p $(DESTDIR)$(SBINDIR)/$$p; done
	set -e; for p in $(PAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${p##*.}/$${p##*/}; done

clean:
	rm -rf build

.PHONY: always all unit benches fuzzers check memcheck demo bench soak interop fuzz lint syntax install uninstall clean
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
