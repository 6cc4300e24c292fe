/* dnsq.h: what the rooms of dnsq share. */
#ifndef DNSQ_H
#define DNSQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "dns/enum.h"
#include "dns/name.h"
#include "dns/resolver.h"
#include "loop/sched.h"
#include "sip/locate.h"

enum { TYPES_MAX = 32 };

enum format { FORMAT_ZONE, FORMAT_JSON, FORMAT_SHORT, FORMAT_MESSAGE };

struct options {
	struct resolver_options resolver;
	uint16_t types[TYPES_MAX];
	unsigned ntypes;
	enum format format;
	bool reverse, by_number, locate, in_order, verbose, dnssec;
	int workers, worker;              /* how many processes share the work, and which this is; 0: it is the only one */
	double rate;                      /* questions a second; 0: no bound */
	uint8_t suffix[NAME_MAX_WIRE];    /* of ENUM */
};

/* A question, on its way from the input to the output. */
struct job {
	struct dns_query q;
	struct enum_lookup *lookup;       /* with -e; then q is not used */
	struct locate *locate;            /* with --locate */
	char *uri;                        /* that it is about */
	struct job *all;                  /* links all there are */
	struct job *next;                 /* free ones, or in the order of the input */
	struct buf text;                  /* its output, with -o, until its turn comes */
	bool finished;
	uint8_t short_name[64];
	uint8_t *name;                    /* short_name, or memory of NAME_MAX_WIRE bytes */
};

/* A question as it was asked for. */
struct question {
	uint8_t name[NAME_MAX_WIRE];
	uint8_t namelen;
	uint16_t type;
	char number[ENUM_DIGITS + 2];
	const char *uri;                  /* with --locate: borrowed until the next question */
};

/* What dnsq looks for: all that there is. */
#define LOCATE_ALL (LOCATE_UDP | LOCATE_TCP | LOCATE_TLS)

/* --- input.c --- */

struct input;

/*
 * Names from `names` (until NULL), or when there are none from stdin. `more` is called when input has come. NULL with
 * errno.
 */
extern const struct cli dnsq_cli;

/* Reads the command line, and resolv.conf if it names no server. Returns the names. */
char **options_read(struct options *, int argc, char **argv);

/* Shown on stderr after two seconds, if that is a terminal and stdout is none. */
struct progress {
	/* private */
	struct timer timer;
	struct sched *sched;
	const uint64_t *asked;
	const unsigned *inflight;
	int64_t began;
	bool shown;
};

/* The counters must stay where they are until progress_stop, which takes the line away. */
void progress_start(struct progress *, struct sched *, const uint64_t *asked, const unsigned *inflight);
void progress_stop(struct progress *);

/*
 * From now on standard input is a pipe of packets that several processes read from: call it before they are forked.
 * Ends the program on a failure.
 */
void split_stdin(void);

struct input *input_new(struct sched *, const struct options *, char *const *names, void (*more)(void *), void *arg);
void input_free(struct input *);

enum input_state { INPUT_GOT, INPUT_WAIT, INPUT_END };

/* The next question. INPUT_WAIT: `more` will be called. Bad lines are reported and skipped. */
enum input_state input_next(struct input *, struct question *);

/* Lines that were no questions. */
unsigned long input_bad(const struct input *);

/* --- output.c --- */

struct output;

/* `drained` is called when so much has been written that more is welcome. NULL with errno. */
struct output *output_new(struct sched *, const struct options *, void (*drained)(void *), void *arg);
void output_free(struct output *);

/* Appends what is to be said of a finished job. */
void output_job(const struct output *, const struct job *, struct buf *to);

/* Where output goes that need not wait for its turn; output_added after something was put there. */
struct buf *output_buf(struct output *);
void output_added(struct output *);

/* More is waiting to be written than is good: ask no more questions. */
bool output_full(const struct output *);

/* Writes all, waiting if need be. 0; -1 with errno. */
int output_flush(struct output *);

/* The errno that ended it, EPIPE when the reader has gone; 0: none. */
int output_error(const struct output *);

#endif
