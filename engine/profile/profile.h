/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile.h - what one provider does, as read from profiles/NAME.yaml and all that it extends
 *
 * One document with two readers: the sender obeys it, the sink imposes it. A profile is immutable
 * once loaded (store.h) and may be read by any thread; all texts in it live as long as it does.
 * The format is described in profiles/README.md.
 */
#ifndef VOLLEY_PROFILE_PROFILE_H
#define VOLLEY_PROFILE_PROFILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "base/units.h"
#include "terms/class.h"
#include "terms/limit.h"
#include "terms/phase.h"

#define PROFILE_NAME_MAX   64
#define PROFILE_LIMITS_MAX 64
#define PROFILE_RULES_MAX  4096
#define PROFILE_SCALE_MAX  1000000 /* how many times faster its time may pass */

/* Where a value was written: for errors, and for `volley profile show`. */
struct profile_place {
	const char *file; /* path as opened */
	int line;	  /* from 1 */
};

struct profile_limit {
	const char *name; /* the key under limits: */
	struct limit limit;
	const char *source; /* key under sources:; NULL: none, then assumed */
	struct profile_place place;
};

/* What a rule has the sender do, beside what class and scope imply. */
enum profile_action {
	ACTION_NONE,
	ACTION_SLOW,	 /* turn the dial down to factor of what it was */
	ACTION_PAUSE,	 /* suspend the scope for hold */
	ACTION_CLOSE,	 /* end this connection; others go on */
	ACTION_RETRY,	 /* try this recipient again after hold */
	ACTION_SUPPRESS, /* never again to this recipient */
	ACTION_ABORT,	 /* end the run */
};
#define PROFILE_ACTION_COUNT (ACTION_ABORT + 1)

/* When the provider says it: for the sink. */
enum profile_cause {
	CAUSE_NONE,	      /* the sink never says it by itself */
	CAUSE_OVER,	      /* over the limit named */
	CAUSE_SENDER_UNKNOWN, /* the reverse path is not the account's own address or domain */
	CAUSE_TRIPLET,	      /* first sight of client, sender and recipient; until after min_ns */
	CAUSE_PROBABILITY,
	CAUSE_SIZE,	 /* a message of more octets than amount */
	CAUSE_RECIPIENT, /* the local part matches a pattern ("unknown*") */
	CAUSE_LOGIN,	 /* AUTH failed */
	CAUSE_NO_LOGIN,	 /* MAIL without AUTH, where the profile asks for it */
	CAUSE_NO_TLS,	 /* MAIL in clear, where the profile asks for TLS */
};
#define PROFILE_CAUSE_COUNT (CAUSE_NO_TLS + 1)

/* One reply rule. First match wins; a profile's own rules come before those that it extends. */
struct profile_rule {
	const char *name; /* the key under replies: */
	struct profile_place place;

	/* What it matches. A rule without code, enhanced and text matches nothing: it is the sink's
	   alone, and what it says is told by another rule. */
	uint32_t phases;       /* a bit for each enum phase; 0: any */
	const uint16_t *codes; /* 421; 400 and 500 stand for 4xx and 5xx, 450 for itself */
	int code_count;	       /* 0: any */
	bool is_code_class[8]; /* codes[i] stands for its first digit */
	struct span enhanced;  /* "4.7.0", "x.1.1", "4.7.x"; empty: any */
	struct span text;      /* PCRE2 pattern, searched caseless; empty: any */

	/* What it means. */
	enum reply_class class;
	enum permanence permanence;
	enum retry_way retry;
	enum reply_scope scope;
	enum pace_dial dial;

	/* What to do. */
	enum profile_action action;
	uint32_t slow_millis;	/* ACTION_SLOW: thousandths that are left, 1..999 */
	int64_t hold_ns;	/* how long; 0: the sender's own backoff */
	bool holds_window;	/* until the window ends that the reply is about */
	bool holds_reply;	/* as long as the reply itself says ("in 300 seconds"), clipped */
	uint32_t trigger_count; /* so many within trigger_ns; 1: at once */
	int64_t trigger_ns;
	const char *cause, *remedy; /* words for explain; NULL: the class's own */

	/* When the sink says it, and how. */
	enum profile_cause when;
	int limit;		  /* CAUSE_OVER: index in limits; -1 */
	int64_t when_ns;	  /* CAUSE_TRIPLET: the least wait */
	uint64_t when_octets;	  /* CAUSE_SIZE */
	uint32_t when_ppm;	  /* CAUSE_PROBABILITY, of a million */
	struct span when_pattern; /* CAUSE_RECIPIENT: with '*' */
	enum phase at;	 /* where it is said: BANNER (in place of the greeting), AUTH, MAIL,
			    RCPT, DATA, ACCEPT */
	struct span say; /* the reply, "421 4.7.0 ...", with {ip} {address} {domain} {id}; a
			    line feed begins a further line; empty: closes without a word */
	bool does_close; /* afterwards */

	const struct span *samples; /* replies that this rule must match first */
	int sample_count;
};

enum profile_security { PROFILE_CLEAR, PROFILE_STARTTLS, PROFILE_TLS, PROFILE_STARTTLS_OPTIONAL };

struct profile_server {
	const char *host;
	uint16_t port;
	enum profile_security security;
};

/* How to submit through it; server_count 0: it is a destination alone. */
struct profile_submission {
	const struct profile_server *servers;
	int server_count;
	struct span *mechanisms; /* "PLAIN" ... */
	int mechanism_count;
	const char *user;     /* the form: "full address", or "the word apikey"; NULL */
	const char *password; /* "app password" */
	const char *identity; /* the rule on the sender's identity */
	bool needs_login, needs_tls;
};

struct profile_retry {
	int64_t first_ns, max_ns, give_up_ns;
	uint32_t factor_millis; /* 2000: doubled */
	uint32_t jitter_millis; /* 100: plus or minus 10 % */
	int64_t greylist_ns;	/* the shortest delay after greylisting */
};

/* What is not published: how limits follow reputation. Thousandths of each limit. */
enum reputation { REPUTATION_NEW, REPUTATION_WARMING, REPUTATION_GOOD, REPUTATION_POOR };
#define REPUTATION_COUNT (REPUTATION_POOR + 1)

struct profile_reputation {
	bool is_given;
	enum reputation start;
	uint32_t share_millis[REPUTATION_COUNT]; /* of each rate and connection limit; 1000: all */
	uint64_t rise_messages; /* accepted, without a break of limits, until the next level */
	uint32_t fall_refusals; /* throttled replies within fall_ns until POOR */
	int64_t fall_ns;
	int64_t heal_ns; /* POOR becomes WARMING after so long without a refusal */
};

struct profile {
	char name[PROFILE_NAME_MAX];
	const char *title;     /* "Gmail and Google Workspace" */
	const char *about;     /* a few sentences; NULL: none */
	const char *provider;  /* who it is, "Google"; profiles of one provider share it */
	struct span recognise; /* pattern that tells this provider's replies; empty: none */

	/* Which destinations: "*.google.com" covers all hosts below; no trailing dot. */
	const struct span *mx, *domains, *relays;
	int mx_count, domain_count, relay_count;

	struct profile_submission submission;
	struct profile_limit limits[PROFILE_LIMITS_MAX];
	int limit_count;
	uint32_t headroom_millis; /* how far to stay below, of a thousand: 200 */
	struct profile_retry retry;
	struct profile_reputation reputation;
	const struct profile_rule *rules;
	int rule_count;
	int own_rule_count; /* the first ones: not taken over from what it extends */
};

/* What a rule means that gives its class alone: decode_rule.c fills the rest in from it. */
struct profile_class_default {
	enum permanence permanence;
	enum retry_way retry;
	enum reply_scope scope;
	enum pace_dial dial;
};
struct profile_class_default profile_class_default(enum reply_class class);

/* "none" "slow" "pause" "close" "retry" "suppress" "abort" */
const char *profile_action_name(enum profile_action action);
/* "new" "warming" "good" "poor"; false when the name is none. */
const char *reputation_name(enum reputation r);
bool reputation_from_name(struct span name, enum reputation *ret_reputation);

/* The first limit of that unit, scope and window; NULL: none. */
const struct profile_limit *profile_find_limit(const struct profile *p, enum limit_unit unit,
					       enum limit_scope scope, enum limit_window window);

/* What is left of an amount below the headroom, at least 1. */
uint64_t profile_below_headroom(const struct profile *p, uint64_t amount);

#endif
