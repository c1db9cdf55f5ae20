/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile.c - what one provider does: the words, the defaults, and small questions to it
 */
#include "profile/profile.h"
#include "terms/words.h"

static const char *const action_names[PROFILE_ACTION_COUNT] = {
	[ACTION_NONE] = "none",	  [ACTION_SLOW] = "slow",   [ACTION_PAUSE] = "pause",
	[ACTION_CLOSE] = "close", [ACTION_RETRY] = "retry", [ACTION_SUPPRESS] = "suppress",
	[ACTION_ABORT] = "abort",
};

static const char *const reputation_names[REPUTATION_COUNT] = {
	[REPUTATION_NEW] = "new",
	[REPUTATION_WARMING] = "warming",
	[REPUTATION_GOOD] = "good",
	[REPUTATION_POOR] = "poor",
};

/*
 * HARD where the next attempt of the same message would fail as well, whatever its time and source.
 * A scope is chosen narrow where it is doubtful: a reaction that reaches too far stops mail that
 * would have passed.
 */
static const struct profile_class_default class_defaults[CLASS_COUNT] = {
	[CLASS_UNKNOWN] = {PERMANENCE_NONE, RETRY_SAME, SCOPE_NONE, DIAL_NONE},
	[CLASS_THROTTLED] = {PERMANENCE_SOFT, RETRY_SAME, SCOPE_SOURCE, DIAL_RATE},
	[CLASS_GREYLISTED] = {PERMANENCE_SOFT, RETRY_SAME, SCOPE_RECIPIENT, DIAL_NONE},
	[CLASS_MAILBOX_FULL] = {PERMANENCE_SOFT, RETRY_SAME, SCOPE_RECIPIENT, DIAL_NONE},
	[CLASS_MAILBOX_UNAVAILABLE] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	[CLASS_UNKNOWN_USER] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	[CLASS_UNKNOWN_DOMAIN] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	[CLASS_AUTH_FAILED] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	[CLASS_AUTH_REQUIRED] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	[CLASS_STARTTLS_REQUIRED] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_CONNECTION, DIAL_NONE},
	[CLASS_SENDER_REJECTED] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_SENDER, DIAL_NONE},
	[CLASS_RELAY_DENIED] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	[CLASS_BLOCKLISTED] = {PERMANENCE_SOFT, RETRY_OTHER_SOURCE, SCOPE_SOURCE, DIAL_SUSPEND},
	[CLASS_CONTENT] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_MESSAGE, DIAL_NONE},
	[CLASS_DOMAIN_AUTHENTICATION] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_SENDER, DIAL_NONE},
	[CLASS_TOO_LARGE] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_MESSAGE, DIAL_NONE},
	[CLASS_POLICY] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_MESSAGE, DIAL_NONE},
	[CLASS_PROTOCOL] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_CONNECTION, DIAL_NONE},
	[CLASS_SERVER_TEMPORARY] = {PERMANENCE_SOFT, RETRY_SAME, SCOPE_SITE, DIAL_NONE},
	[CLASS_QUOTA_EXHAUSTED] = {PERMANENCE_SOFT, RETRY_SAME, SCOPE_ACCOUNT, DIAL_SUSPEND},
	[CLASS_RECIPIENT_THROTTLED] = {PERMANENCE_SOFT, RETRY_SAME, SCOPE_RECIPIENT, DIAL_NONE},
	[CLASS_REVERSE_DNS] = {PERMANENCE_SOFT, RETRY_OTHER_SOURCE, SCOPE_SOURCE, DIAL_SUSPEND},
	[CLASS_SUPPRESSED] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	[CLASS_EXPIRED] = {PERMANENCE_HARD, RETRY_NEVER, SCOPE_MESSAGE, DIAL_NONE},
	[CLASS_NETWORK] = {PERMANENCE_SOFT, RETRY_SAME, SCOPE_SITE, DIAL_NONE},
	[CLASS_ACCEPTED] = {PERMANENCE_NONE, RETRY_NEVER, SCOPE_NONE, DIAL_NONE},
};

struct profile_class_default profile_class_default(enum reply_class class)
{
	return class_defaults[(unsigned)class < CLASS_COUNT ? class : CLASS_UNKNOWN];
}

const char *profile_action_name(enum profile_action action)
{
	return words_at(WORDS(action_names), action);
}

const char *reputation_name(enum reputation r)
{
	return reputation_names[(unsigned)r < REPUTATION_COUNT ? r : REPUTATION_GOOD];
}

bool reputation_from_name(struct span name, enum reputation *ret_reputation)
{
	unsigned value;

	if (!words_find(WORDS(reputation_names), name, &value))
		return false;
	*ret_reputation = (enum reputation)value;
	return true;
}

const struct profile_limit *profile_find_limit(const struct profile *p, enum limit_unit unit,
					       enum limit_scope scope, enum limit_window window)
{
	for (int i = 0; i < p->limit_count; i++) {
		const struct limit *l = &p->limits[i].limit;

		if (l->unit == unit && l->scope == scope && l->window == window)
			return &p->limits[i];
	}
	return NULL;
}

uint64_t profile_below_headroom(const struct profile *p, uint64_t amount)
{
	__extension__ typedef unsigned __int128 uint128;
	uint64_t left = (uint64_t)((uint128)amount * (1000 - p->headroom_millis) / 1000);

	return left > 0 ? left : 1;
}
