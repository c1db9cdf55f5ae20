/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.h - the document of a run: everything that is shown about it
 *
 * Text, JSON, thresholds and comparisons are all made from this one structure. It is plain data:
 * no histogram and no counter of the hot path, so that a document read back from JSON is as good
 * as one just measured (fill.h turns histograms and tallies into it). The JSON form is described
 * by run.schema.json; its keys and units are kept.
 *
 * Texts are UTF-8; what came from a peer goes through run_text_clean() first (fill.h does that).
 * Rows of growing tables are added by the run_add_...() functions. One thread at a time.
 */
#ifndef VOLLEY_RESULT_RUN_H
#define VOLLEY_RESULT_RUN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/date.h"
#include "base/err.h"
#include "base/span.h"

#define RUN_SCHEMA     1	 /* raised when a key changes its meaning */
#define RUN_NONE       INT64_MIN /* an integer that is not known: null in JSON, absent in text */
#define RUN_SAMPLE_MAX 512
#define RUN_NAME_MAX   48
#define RUN_NOTE_MAX   192

/*
 * How long one phase took, in microseconds. A percentile with fewer than ten samples beyond it is
 * RUN_NONE; so are all of them, and mean is 0, when count is 0.
 */
struct run_latency {
	uint64_t count;
	double mean_us;
	int64_t min_us, p50_us, p90_us, p99_us, p99_9_us, p99_99_us, max_us;
};

/* The phases in the order in which they are shown; names are terms/phase.h's. */
#define RUN_PHASE_COUNT	   16
#define RUN_PHASE_RESPONSE 14
#define RUN_PHASE_SERVICE  15
extern const char *const run_phase_names[RUN_PHASE_COUNT];

struct run_identity {
	char id[17];		     /* 16 hexadecimal digits */
	char *command;		     /* the command line, secrets removed. Owned; NULL: "" */
	char started[DATE_TEXT_MAX]; /* RFC 3339 */
	double seconds;		     /* the measured part: warm-up and drain excluded */
	double drain_seconds; /* from the end of the measured part to the end of the last session */
	bool is_interrupted;  /* by a signal */
};

enum run_mode { RUN_CLOSED, RUN_OPEN };

/* A list of texts, owned. */
struct run_texts {
	char **items;
	int count;
};

struct run_tls_config {
	char use[16];	/* "none", "implicit", "starttls", "optional", "mixed" */
	char verify[8]; /* "none", "ca", "full" */
	char version_min[16], version_max[16]; /* "TLSv1.2"; "" when not limited */
	char *ciphers, *groups;		       /* as asked for. Owned; NULL: the library's own */
	bool is_resumption_on;
};

/* What was asked for. */
struct run_config {
	enum run_mode mode;
	int sessions, threads;
	struct run_texts targets, sources; /* sources: local addresses, none: the kernel's choice */
	int64_t messages;		   /* RUN_NONE: not limited by number */
	double duration_s;		   /* 0: not limited by time */
	double warmup_s;
	char *rate;	   /* "1000/s", "30s@100/s 2m@1000/s". Owned; NULL in closed loop */
	char arrivals[16]; /* "constant", "poisson"; "" in closed loop */
	int64_t messages_per_connection; /* RUN_NONE: not limited */
	int64_t batch_us;		 /* RUN_NONE: each reply is taken at once */
	char *message;			 /* mail_facts.text. Owned */
	char *recipients;		 /* per message: "1", "1-10", "specmail2001". Owned */
	bool use_pipelining, use_chunking;
	char auth[RUN_NAME_MAX]; /* mechanism or "any"; "" for none */
	struct run_tls_config tls;
	uint64_t seed;
};

/* Messages by what became of them. A message of several recipients counts by its worst one. */
struct run_messages {
	uint64_t due, started, accepted, deferred, rejected, failed, in_doubt;
};

struct run_recipients {
	uint64_t accepted, deferred, rejected, failed, in_doubt;
};

struct run_sessions {
	uint64_t opened, peak, failed, tls_resumed;
};

struct run_rate {
	bool has_offered;			    /* open loop */
	double offered, achieved;		    /* messages per second */
	int64_t lag_p50_us, lag_p99_us, lag_max_us; /* of the schedule; RUN_NONE in closed loop */
	bool is_valid;
	char invalid_because[RUN_NOTE_MAX]; /* "" while valid */
};

/* One kind of reply. */
struct run_reply {
	char command[16]; /* smtp_command_name() */
	int code;
	char enhanced[12]; /* "4.7.28" or "" */
	char class[32]; /* terms/class.h's word for it, by the profile or the base rules; or "" */
	uint64_t count;
	char sample[RUN_SAMPLE_MAX]; /* the text of one such reply */
};

/* One kind of transport, TLS, DNS or protocol failure. */
struct run_error {
	char phase[16]; /* phase_name() */
	char kind[64];	/* "refused", "tls certificate expired", "dns no such name" */
	uint64_t count;
	char sample[RUN_SAMPLE_MAX]; /* the words of one of them, or "" */
	char hint[RUN_NOTE_MAX];     /* what to try, or "" */
};

struct run_tls {
	char version[16], cipher[48], group[24];
	bool is_resumed;
	uint64_t count;
};

/* One second of the run. */
struct run_second {
	double t_s; /* since the start of the measured part */
	uint64_t started, accepted, deferred, rejected, failed, sessions;
	int64_t p50_us, p99_us; /* of response time; RUN_NONE */
};

struct run_resources {
	double cpu_user_s, cpu_system_s;
	uint64_t peak_rss_bytes;
	uint64_t bytes_in, bytes_out; /* on the wire, TLS included */
};

/* Something that has a bound, or a counter of drops and retries: what was near its limit. */
struct run_limit {
	char name[RUN_NAME_MAX]; /* "local ports", "receive buffers", "log queue" */
	uint64_t value;		 /* peak use, or how often it happened */
	uint64_t limit;		 /* 0: a mere counter */
	bool is_hit;		 /* it was reached, so that the run may have suffered */
	char note[RUN_NOTE_MAX]; /* what it means and what to try, or "" */
};

enum run_verdict { RUN_PASSED, RUN_FAILED, RUN_NOT_EVALUATED };

/* A threshold and what became of it; made by threshold.h. */
struct run_threshold {
	char expression[128];
	double value; /* in unit; NAN when it is not known */
	char unit[8]; /* "ms", "%", "/s", "B", or "" for a number */
	enum run_verdict verdict;
	char note[RUN_NOTE_MAX]; /* why it was not evaluated, or "" */
};

struct run_host {
	char volley[32]; /* version */
	char kernel[96]; /* "Linux 6.18.5 x86_64" */
	char liburing[32];
	char tls_library[128]; /* "wolfSSL 5.5.4, lean build, AES-NI" */
	int cpus;
};

/* Where a sink's own count was joined. */
struct run_end_to_end {
	bool is_known;
	uint64_t received, lost, duplicated;
	struct run_latency latency;
};

/* The pace towards one target: the sum over its sources. */
struct run_pace_target {
	char target[320];
	char profile[64]; /* that was obeyed; "" for none */
	double headroom;  /* share of each limit that was left unused; 0 without a profile */
	uint64_t paths;
	uint64_t throttled; /* replies that asked for less */
	uint64_t dropped;   /* connections that were refused, broken or closed without a word */
	uint64_t pauses;    /* that a reply asked for */
	uint64_t rests;	    /* after failures in a row */
	uint64_t cuts;	    /* of a dial */
	uint64_t connections_peak;
	uint64_t connections_allowed;	 /* at the end; 0: no limit is known */
	double rate;			 /* of adaptive control at the end, messages/s; 0: none */
	double rate_refused;		 /* where it was last refused; 0: never */
	uint64_t connections_refused;	 /* likewise; 0: never */
	int64_t messages_per_connection; /* that were used; RUN_NONE: not limited */
};

/* What held messages back, and for how long. */
struct run_pace_hold {
	char target[320];
	char by[64];	/* a limit's name in the profile, or "adaptive rate", "pause" ... */
	char limit[96]; /* that limit in words, or "" */
	double seconds; /* a path's time, on average over paths */
	double share;	/* of the measured time, 0 to 1 */
};

/* What a profile or adaptive control did. */
struct run_pace {
	bool is_used;
	int scale;
	bool does_adapt;
	double interval_s;		    /* of adaptive control, scaled; 0: not used */
	char aborted_because[RUN_NOTE_MAX]; /* a reply ended the run, or "" */
	struct run_pace_target *targets;
	struct run_pace_hold *holds;
	size_t target_count, hold_count;
};

struct run_document {
	struct run_identity run;
	struct run_config config;
	struct run_messages messages;
	struct run_recipients recipients;
	struct run_sessions sessions;
	struct run_rate rate;
	struct run_latency latency[RUN_PHASE_COUNT]; /* by enum phase */
	struct run_resources resources;
	struct run_host host;
	struct run_end_to_end end_to_end;
	struct run_pace pace;
	char bound_by[32];	       /* "client CPU", "server", "pace"; "" when not judged */
	char bound_note[RUN_NOTE_MAX]; /* how that was seen, or "" */
	enum exit_status status;       /* what the process exits with */

	struct run_reply *replies;
	struct run_error *errors;
	struct run_tls *tls;
	struct run_second *series;
	struct run_limit *limits;
	struct run_threshold *thresholds;
	size_t reply_count, error_count, tls_count, series_count, limit_count, threshold_count;
};

/* An empty document of a valid run: all zero, latencies without values. */
void run_init(struct run_document *d);

/* Frees what the document owns; it may be initialised again. */
void run_fini(struct run_document *d);

/* Replaces an owned text with a copy (text NULL: empties it). False: memory exhausted. */
bool run_set_text(char **slot, const char *text);
bool run_texts_add(struct run_texts *texts, const char *text);

/*
 * Add a zeroed row at the end and return it, to be filled in by the caller; NULL when memory is
 * exhausted. The pointer is valid until the next row is added to the same table.
 */
struct run_reply *run_add_reply(struct run_document *d);
struct run_error *run_add_error(struct run_document *d);
struct run_tls *run_add_tls(struct run_document *d);
struct run_second *run_add_second(struct run_document *d);
struct run_limit *run_add_limit(struct run_document *d);
struct run_threshold *run_add_threshold(struct run_document *d);
struct run_pace_target *run_add_pace_target(struct run_document *d);
struct run_pace_hold *run_add_pace_hold(struct run_document *d);

/* Orders replies by command (as in a session), code and enhanced code; errors and tls by count. */
void run_sort(struct run_document *d);

/*
 * Copies a peer's text so that it is valid UTF-8 and safe to show: control characters but line
 * feed, and octets that are no UTF-8, are written as \xNN; line ends become line feeds, of which
 * none is left at the end. NUL-terminated, cut with "..." where it does not fit. Applying it twice
 * changes nothing more. Returns the length.
 */
size_t run_text_clean(struct span text, char *out, size_t out_size);

#endif
