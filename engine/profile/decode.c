/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decode.c - a merged document turned into a profile
 *
 * The tables below are the format: what is not in them is no key. Limits come before replies,
 * whatever the order in the file, since a rule names the limit that it is about.
 */
#include "profile/decode.h"
#include <ctype.h>
#include <stdio.h>

/* ---- match ---- */

struct name_list {
	struct span *names;
	bool has_wildcards;
};

/* Letters of a host name; underscores occur in the wild. */
static bool is_host(struct span text)
{
	bool was_dot = true;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '.' && was_dot)
			return false;
		if (c != '.' && c != '-' && c != '_' && c < 0x80 && !isalnum(c))
			return false;
		was_dot = c == '.';
	}
	return text.len > 0 && text.len <= 253;
}

static void take_host(struct decoder *d, const struct where *at, size_t i, void *object)
{
	struct name_list *list = object;
	struct span text, rest;

	if (!decode_text(d, at, "a host name", &text))
		return;
	rest = text;
	if (list->has_wildcards && text.len > 2 && text.data[0] == '*' && text.data[1] == '.')
		rest = span_skip(text, 2);
	if (text.len > 1 && text.data[text.len - 1] == '.')
		decode_fault(d, at,
			     "\"%s\" ends in a dot and would match nothing: leave the dot out",
			     text.data);
	else if (!is_host(rest))
		decode_fault(d, at, "\"%s\" is no host name%s", text.data,
			     list->has_wildcards ? "; a \"*.\" may stand in front alone" : "");
	list->names[i] = text;
}

static void take_hosts(struct decoder *d, const struct where *at, const struct span **ret_names,
		       int *ret_count)
{
	size_t count = at->node->count > 0 ? at->node->count : 1;
	struct name_list list = {arena_array(d->arena, count, sizeof(*list.names)), true};

	if (!list.names) {
		d->faults->is_out_of_memory = true;
		return;
	}
	if (!decode_list(d, at, take_host, &list, &count))
		return;
	*ret_names = list.names;
	*ret_count = (int)count;
}

static void take_mx(struct decoder *d, const struct where *at, void *object)
{
	struct profile *p = object;

	take_hosts(d, at, &p->mx, &p->mx_count);
}

static void take_domains(struct decoder *d, const struct where *at, void *object)
{
	struct profile *p = object;

	take_hosts(d, at, &p->domains, &p->domain_count);
}

static void take_relays(struct decoder *d, const struct where *at, void *object)
{
	struct profile *p = object;

	take_hosts(d, at, &p->relays, &p->relay_count);
}

static const struct field match_fields[] = {
	{"mx", false, take_mx},
	{"domains", false, take_domains},
	{"relays", false, take_relays},
	{0},
};

static void take_match(struct decoder *d, const struct where *at, void *object)
{
	if (decode_is_mapping(d, at, "mx, domains and relays"))
		decode_mapping(d, at, match_fields, object);
}

/* ---- submission ---- */

static void take_words(struct decoder *d, const struct where *at, void *object)
{
	struct span text;

	if (decode_text(d, at, "a few words", &text))
		*(const char **)object = text.data;
}

static void take_server_host(struct decoder *d, const struct where *at, void *object)
{
	struct profile_server *server = object;
	struct span name;
	struct name_list list = {&name, false};

	if (at->node->kind != TREE_SCALAR) {
		(void)decode_text(d, at, "a host name", &name);
		return;
	}
	take_host(d, at, 0, &list);
	server->host = at->node->text.data;
}

static void take_port(struct decoder *d, const struct where *at, void *object)
{
	struct profile_server *server = object;
	uint64_t port;

	if (decode_count(d, at, 65535, &port))
		server->port = (uint16_t)port;
}

static const char *security_word(unsigned i)
{
	static const char *const words[] = {
		[PROFILE_CLEAR] = "clear",
		[PROFILE_STARTTLS] = "starttls",
		[PROFILE_TLS] = "tls",
		[PROFILE_STARTTLS_OPTIONAL] = "starttls-optional",
	};

	return words[i];
}

static void take_security(struct decoder *d, const struct where *at, void *object)
{
	struct profile_server *server = object;
	unsigned i;

	if (decode_word(d, at, security_word, PROFILE_STARTTLS_OPTIONAL + 1, &i))
		server->security = (enum profile_security)i;
}

static const struct field server_fields[] = {
	{"host", true, take_server_host},
	{"port", true, take_port},
	{"security", true, take_security},
	{0},
};

static void take_server(struct decoder *d, const struct where *at, size_t i, void *object)
{
	struct profile_server *servers = object;

	if (decode_is_mapping(d, at, "a mapping of host, port and security"))
		decode_mapping(d, at, server_fields, &servers[i]);
}

static void take_servers(struct decoder *d, const struct where *at, void *object)
{
	struct profile_submission *s = object;
	struct profile_server *servers =
		arena_array(d->arena, at->node->count + 1, sizeof(*servers));
	size_t count;

	if (at->node->kind != TREE_SEQUENCE) {
		decode_fault(d, at,
			     "a list of servers is expected, each with host, port and "
			     "security");
		return;
	}
	if (!servers) {
		d->faults->is_out_of_memory = true;
		return;
	}
	if (!decode_list(d, at, take_server, servers, &count))
		return;
	s->servers = servers;
	s->server_count = (int)count;
}

static const char *mechanism_word(unsigned i)
{
	static const char *const words[] = {"plain",	     "login",	"cram-md5",
					    "scram-sha-256", "xoauth2", "oauthbearer"};

	return words[i];
}

static void take_mechanism(struct decoder *d, const struct where *at, size_t i, void *object)
{
	struct span *mechanisms = object;
	unsigned word;
	char *upper;

	if (!decode_word(d, at, mechanism_word, 6, &word))
		return;
	upper = arena_text(d->arena, at->node->text);
	if (!upper) {
		d->faults->is_out_of_memory = true;
		return;
	}
	for (char *c = upper; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	mechanisms[i] = span_of(upper);
}

static void take_auth(struct decoder *d, const struct where *at, void *object)
{
	struct profile_submission *s = object;
	struct span *mechanisms = arena_array(d->arena, at->node->count + 1, sizeof(*mechanisms));
	size_t count;

	if (!mechanisms) {
		d->faults->is_out_of_memory = true;
		return;
	}
	if (!decode_list(d, at, take_mechanism, mechanisms, &count))
		return;
	s->mechanisms = mechanisms;
	s->mechanism_count = (int)count;
}

static const char *need_word(unsigned i)
{
	return i == 0 ? "login" : "tls";
}

static void take_need(struct decoder *d, const struct where *at, size_t i, void *object)
{
	struct profile_submission *s = object;
	unsigned word;

	(void)i;
	if (!decode_word(d, at, need_word, 2, &word))
		return;
	if (word == 0)
		s->needs_login = true;
	else
		s->needs_tls = true;
}

static void take_requires(struct decoder *d, const struct where *at, void *object)
{
	size_t count;

	decode_list(d, at, take_need, object, &count);
}

static void take_user(struct decoder *d, const struct where *at, void *object)
{
	take_words(d, at, &((struct profile_submission *)object)->user);
}

static void take_password(struct decoder *d, const struct where *at, void *object)
{
	take_words(d, at, &((struct profile_submission *)object)->password);
}

static void take_identity(struct decoder *d, const struct where *at, void *object)
{
	take_words(d, at, &((struct profile_submission *)object)->identity);
}

static const struct field submission_fields[] = {
	{"servers", true, take_servers},
	{"auth", false, take_auth},
	{"user", false, take_user},
	{"password", false, take_password},
	{"identity", false, take_identity},
	{"requires", false, take_requires},
	{"source", false, decode_nothing},
	{"sure", false, decode_nothing},
	{0},
};

static void take_submission(struct decoder *d, const struct where *at, void *object)
{
	struct profile *p = object;

	if (!decode_is_mapping(d, at, "a mapping with servers"))
		return;
	decode_mapping(d, at, submission_fields, &p->submission);
	decode_marks(d, at, NULL, NULL);
}

/* ---- retry ---- */

#define SECOND_NS INT64_C(1000000000)

static void take_first(struct decoder *d, const struct where *at, void *object)
{
	struct profile_retry *r = object;

	decode_duration(d, at, SECOND_NS, 30 * DECODE_DAY_NS, &r->first_ns);
}

static void take_max(struct decoder *d, const struct where *at, void *object)
{
	struct profile_retry *r = object;

	decode_duration(d, at, SECOND_NS, 30 * DECODE_DAY_NS, &r->max_ns);
}

static void take_give_up(struct decoder *d, const struct where *at, void *object)
{
	struct profile_retry *r = object;

	decode_duration(d, at, SECOND_NS, DECODE_YEAR_NS, &r->give_up_ns);
}

static void take_greylist(struct decoder *d, const struct where *at, void *object)
{
	struct profile_retry *r = object;

	decode_duration(d, at, SECOND_NS, 30 * DECODE_DAY_NS, &r->greylist_ns);
}

/* A factor is a share of 1 to 10 without its sign: "2", "1.5". */
static void take_factor(struct decoder *d, const struct where *at, void *object)
{
	struct profile_retry *r = object;
	struct span text;
	struct rate rate = {0};
	uint64_t millis = 0;

	if (!decode_text(d, at, "a number from 1 to 10, such as 2 or 1.5", &text))
		return;
	/* A rate per second keeps a fraction exact: 1.5 is 3 in 2 seconds. */
	if (!memchr(text.data, '/', text.len) && text.data[text.len - 1] <= '9' &&
	    units_parse_rate(text, &rate) && rate.count <= 1000000)
		millis = (uint64_t)((double)rate.count * 1e12 / (double)rate.per_ns + 0.5);
	if (millis < 1000 || millis > 10000) {
		decode_fault(d, at,
			     "\"%s\" is no factor, expected a number from 1 to 10, such "
			     "as 2 or 1.5",
			     text.data);
		return;
	}
	r->factor_millis = (uint32_t)millis;
}

static void take_jitter(struct decoder *d, const struct where *at, void *object)
{
	struct profile_retry *r = object;
	uint32_t ppm;

	if (!decode_share(d, at, 0, &ppm))
		return;
	if (ppm > 900000)
		decode_fault(d, at, "\"%s\" is absurd, expected at most 90%%", at->node->text.data);
	r->jitter_millis = ppm / 1000;
}

static const struct field retry_fields[] = {
	{"first", true, take_first},
	{"factor", true, take_factor},
	{"max", true, take_max},
	{"give-up", true, take_give_up},
	{"jitter", true, take_jitter},
	{"greylist", true, take_greylist},
	{"source", false, decode_nothing},
	{"sure", false, decode_nothing},
	{0},
};

static void take_retry(struct decoder *d, const struct where *at, void *object)
{
	struct profile_retry *r = &((struct profile *)object)->retry;

	if (!decode_is_mapping(d, at, "a mapping with first, factor, max and give-up"))
		return;
	decode_mapping(d, at, retry_fields, r);
	decode_marks(d, at, NULL, NULL);
	if (r->first_ns > 0 && r->max_ns > 0 && r->max_ns < r->first_ns)
		decode_fault_key(d, at, "max is shorter than first: the delays could not grow");
	if (r->max_ns > 0 && r->give_up_ns > 0 && r->give_up_ns < r->first_ns)
		decode_fault_key(d, at,
				 "give-up is shorter than first: nothing would be tried "
				 "twice");
}

/* ---- reputation ---- */

static const char *reputation_word(unsigned i)
{
	return reputation_name((enum reputation)i);
}

static void take_start(struct decoder *d, const struct where *at, void *object)
{
	struct profile_reputation *r = object;
	unsigned i;

	if (decode_word(d, at, reputation_word, REPUTATION_COUNT, &i))
		r->start = (enum reputation)i;
}

/* The key is the level's name. */
static void take_level(struct decoder *d, const struct where *at, void *object)
{
	struct profile_reputation *r = object;
	enum reputation level;
	uint32_t ppm;

	if (reputation_from_name(at->key, &level) && decode_share(d, at, 1000, &ppm))
		r->share_millis[level] = ppm / 1000;
}

static void take_rise(struct decoder *d, const struct where *at, void *object)
{
	decode_count(d, at, DECODE_COUNT_MOST,
		     &((struct profile_reputation *)object)->rise_messages);
}

static void take_fall(struct decoder *d, const struct where *at, void *object)
{
	struct profile_reputation *r = object;
	uint64_t count;

	if (!decode_rate(d, at, false, &count, &r->fall_ns))
		return;
	if (count > UINT32_MAX)
		decode_fault(d, at, "\"%s\" is absurd", at->node->text.data);
	r->fall_refusals = (uint32_t)count;
}

static void take_heal(struct decoder *d, const struct where *at, void *object)
{
	decode_duration(d, at, SECOND_NS, DECODE_YEAR_NS,
			&((struct profile_reputation *)object)->heal_ns);
}

static const struct field reputation_fields[] = {
	{"start", true, take_start},
	{"new", true, take_level},
	{"warming", true, take_level},
	{"good", true, take_level},
	{"poor", true, take_level},
	{"rise", true, take_rise},
	{"fall", true, take_fall},
	{"heal", true, take_heal},
	{"source", false, decode_nothing},
	{"sure", false, decode_nothing},
	{0},
};

static void take_reputation(struct decoder *d, const struct where *at, void *object)
{
	struct profile_reputation *r = &((struct profile *)object)->reputation;

	if (!decode_is_mapping(d, at, "a mapping with start and the share of each level"))
		return;
	r->is_given = true;
	decode_mapping(d, at, reputation_fields, r);
	decode_marks(d, at, NULL, NULL);
}

/* ---- sources ---- */

static void take_what(struct decoder *d, const struct where *at, void *object)
{
	struct span text;

	(void)object;
	decode_text(d, at, "the document or URL that says it", &text);
}

static void take_date(struct decoder *d, const struct where *at, void *object)
{
	static const char form[] = "dddd-dd-dd";
	struct span text;
	bool is_date;
	int month, day;

	(void)object;
	if (!decode_text(d, at, "a date, such as 2026-02-12", &text))
		return;
	is_date = text.len == sizeof(form) - 1;
	for (size_t i = 0; is_date && i < text.len; i++)
		is_date = form[i] == 'd' ? isdigit((unsigned char)text.data[i]) != 0
					 : text.data[i] == form[i];
	month = is_date ? (text.data[5] - '0') * 10 + text.data[6] - '0' : 0;
	day = is_date ? (text.data[8] - '0') * 10 + text.data[9] - '0' : 0;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		decode_fault(d, at, "\"%s\" is no date, expected one such as 2026-02-12",
			     text.data);
}

static const struct field source_fields[] = {
	{"what", true, take_what},
	{"date", false, take_date},
	{0},
};

static void take_sources(struct decoder *d, const struct where *at, void *object)
{
	(void)object;
	if (!decode_is_mapping(d, at, "a mapping: key, then what and date"))
		return;
	for (size_t i = 0; i < at->node->count; i++) {
		const struct tree_item *item = &at->node->items[i];
		struct where member = {at, item->key, item->place, item->value};

		if (item->value->kind != TREE_NULL &&
		    decode_is_mapping(d, &member, "{what: ..., date: ...}"))
			decode_mapping(d, &member, source_fields, NULL);
	}
}

/* ---- the document ---- */

static void take_title(struct decoder *d, const struct where *at, void *object)
{
	take_words(d, at, &((struct profile *)object)->title);
}

static void take_about(struct decoder *d, const struct where *at, void *object)
{
	take_words(d, at, &((struct profile *)object)->about);
}

static void take_provider(struct decoder *d, const struct where *at, void *object)
{
	take_words(d, at, &((struct profile *)object)->provider);
}

static void take_recognise(struct decoder *d, const struct where *at, void *object)
{
	decode_pattern(d, at, &((struct profile *)object)->recognise);
}

static void take_headroom(struct decoder *d, const struct where *at, void *object)
{
	uint32_t ppm;

	if (!decode_share(d, at, 0, &ppm))
		return;
	if (ppm > 950000)
		decode_fault(d, at, "\"%s\" would leave next to nothing, expected at most 95%%",
			     at->node->text.data);
	((struct profile *)object)->headroom_millis = ppm / 1000;
}

static const struct field root_fields[] = {
	{"title", false, take_title},
	{"about", false, take_about},
	{"provider", false, take_provider},
	{"extends", false, decode_nothing}, /* the store has followed it */
	{"recognise", false, take_recognise},
	{"match", false, take_match},
	{"submission", false, take_submission},
	{"headroom", true, take_headroom},
	{"limits", false, decode_limits},
	{"retry", true, take_retry},
	{"reputation", false, take_reputation},
	{"replies", false, decode_nothing}, /* read below, once limits are */
	{"sources", false, take_sources},
	{0},
};

void decode_profile(struct arena *a, const struct decode_request *r, struct faults *f,
		    struct profile *ret_profile)
{
	struct decoder d = {a, f, r->root, ret_profile, r->file};
	struct where root = {.place = r->root->place, .node = r->root};
	const struct tree_item *replies = tree_find(r->root, "replies");
	char *name = arena_text(a, span_of(r->name));

	if (!name) {
		f->is_out_of_memory = true;
		return;
	}
	*ret_profile = (struct profile){.provider = name};
	snprintf(ret_profile->name, sizeof(ret_profile->name), "%s", r->name);
	decode_mapping(&d, &root, root_fields, ret_profile);
	if (replies && replies->value->kind != TREE_NULL) {
		struct where at = {&root, replies->key, replies->place, replies->value};

		decode_replies(&d, &at);
	}
	if (ret_profile->title)
		return;
	if (r->is_root)
		ret_profile->title = name;
	else if (!tree_find(r->root, "title"))
		decode_fault_key(&d, &root, "\"title\" is missing: say whom the profile is about");
}
