# coop. GNU make; no configure step.
#
#   make            the programs, in build/
#   make check      installs what the tests need, then runs them all
#   make demo       installs what it needs, then runs the main job end to end
#   SAN=1           with AddressSanitizer and UBSan, in build/san
#   POLLER=poll     with poll(2) in place of epoll(7), in build/poll

VERSION = 0.1.0
PREFIX  ?= /usr/local
MANDIR  ?= $(PREFIX)/share/man
POLLER  ?= epoll
CC      ?= cc

B := build$(if $(SAN),/san)$(if $(filter-out epoll,$(POLLER)),/$(POLLER))

LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null)
LUA_LIBS   := $(shell pkg-config --libs lua5.4 2>/dev/null)
BSD_CFLAGS := $(shell pkg-config --cflags libbsd-overlay 2>/dev/null)
BSD_LIBS   := $(shell pkg-config --libs libbsd-overlay 2>/dev/null)

CFLAGS   ?= -O2 -g
, := ,
override CFLAGS += -std=c11 -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	$(if $(SAN),-O1 -fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
override CPPFLAGS += -D_GNU_SOURCE -Ilib -Icmd -DCOOP_VERSION='"$(VERSION)"' -DPOLLER_DEFAULT='"$(POLLER)"' $(BSD_CFLAGS) $(LUA_CFLAGS)

PROGRAMS := $(notdir $(patsubst %/,%,$(wildcard cmd/*/)))
LIB_OBJ  := $(patsubst %.c,$(B)/%.o,$(wildcard lib/*/*.c))
CLI_OBJ  := $(patsubst %.c,$(B)/%.o,$(wildcard cmd/*.c))
UNIT     := $(patsubst t/unit/%.c,$(B)/t/%,$(wildcard t/unit/*.c))

LIBS_corun   = $(LUA_LIBS) -lm
LIBS_sipd    = $(LUA_LIBS) -lm
LIBS_gcwatch = -lm

all: $(PROGRAMS:%=$(B)/%)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libcoop.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

define program
$(B)/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard cmd/$(1)/*.c)) $(CLI_OBJ) $(B)/libcoop.a
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(BSD_LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# unit tests count on failing allocations: see t/unit/tap.h
WRAP = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
$(B)/t/%: t/unit/%.c $(B)/libcoop.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -It/unit $(CFLAGS) $(LDFLAGS) $(WRAP) -MMD -MP -o $@ $< $(B)/libcoop.a $(LUA_LIBS) $(BSD_LIBS) -lm

unit: $(UNIT)

clean:
	rm -rf build

.PHONY: all unit clean
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
