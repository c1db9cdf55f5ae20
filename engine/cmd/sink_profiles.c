/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_profiles.c - the options of volley sink about profiles
 */
#include "cmd/sink_profiles.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "terms/address.h"

int sink_profiles_take(struct sink_profiles *s, const char *name, const char *value, struct err *e)
{
	if (strcmp(name, "profile-dir") == 0)
		return cmd_folders_take(&s->folders, value, e);
	if (strcmp(name, "profile") != 0 && strcmp(name, "profile-at") != 0)
		return 1;
	if (s->wish_count == SINK_IMPOSITIONS_MAX)
		return err_set(e, EXIT_USAGE, 0, "there are more than %d profiles to impose",
			       SINK_IMPOSITIONS_MAX);
	s->wishes[s->wish_count].option = name;
	s->wishes[s->wish_count++].value = value;
	return 0;
}

/* "192.0.2.1", "192.0.2.1:25", "2001:db8::1", "[2001:db8::1]:25" */
static bool read_address(struct span text, struct endpoint *ret_at)
{
	const char *bracket = text.len > 0 ? memrchr(text.data, ']', text.len) : NULL;
	const char *colon = text.len > 0 ? memrchr(text.data, ':', text.len) : NULL;
	struct span host = text;
	uint64_t port = 0;

	if (endpoint_parse_address(text, ret_at))
		return true;
	if (colon && colon > bracket) {
		struct span digits = span_skip(text, (size_t)(colon - text.data) + 1);

		host.len = (size_t)(colon - text.data);
		if (!units_parse_count(digits, &port) || port < 1 || port > UINT16_MAX)
			return false;
	}
	if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		host = (struct span){host.data + 1, host.len - 2};
	if (!endpoint_parse_address(host, ret_at))
		return false;
	ret_at->port = (uint16_t)port;
	return true;
}

/* What stands before the '=': "@example.com" or an address. */
static int read_place(struct sink_profiles *s, const char *value, struct span place,
		      struct sink_imposition *m, struct err *e)
{
	char address[256 + 2];
	int len = snprintf(address, sizeof(address), "x%.*s", (int)place.len, place.data);

	if (place.len > 1 && place.data[0] == '@') {
		if (len >= (int)sizeof(address) || address_check(span_of(address)) != ADDRESS_FINE)
			return err_set(e, EXIT_USAGE, 0,
				       "--profile: \"%s\": \"%.*s\" is no domain, as in "
				       "@example.com=NAME",
				       value, (int)place.len, place.data);
		m->domain = s->domains[s->domain_count] = strndup(place.data + 1, place.len - 1);
		if (!m->domain)
			return err_set(e, EXIT_FAILED, 0, "no memory for a domain");
		s->domain_count++;
		return 0;
	}
	m->has_address = true;
	if (read_address(place, &m->address))
		return 0;
	return err_set(
		e, EXIT_USAGE, 0,
		"--profile: \"%s\": \"%.*s\" is neither an address that is listened at, as "
		"in 127.0.0.2=NAME or 127.0.0.2:2525=NAME, nor a domain of recipients, as in "
		"@example.com=NAME",
		value, (int)place.len, place.data);
}

/* Divides "PLACE=NAME"; a slash before the '=' makes it part of a path. */
static const char *divide(const char *value, struct span *ret_place)
{
	const char *equals = strchr(value, '=');

	*ret_place = (struct span){value, 0};
	if (!equals || memchr(value, '/', (size_t)(equals - value)))
		return value;
	ret_place->len = (size_t)(equals - value);
	return equals + 1;
}

static int load_one(struct sink_profiles *s, const char *option, const char *value,
		    struct sink_plan *plan, struct err *e)
{
	struct sink_imposition m = {0};
	struct span place;
	const char *name = divide(value, &place);

	if (strcmp(option, "profile-at") == 0) {
		if (place.len == 0 || !units_parse_duration(place, &m.from_ns) || m.from_ns == 0)
			return err_set(e, EXIT_USAGE, 0,
				       "--profile-at: \"%s\" does not begin with a time after the "
				       "start, as in 30s=NAME",
				       value);
	} else if (name != value && read_place(s, value, place, &m, e) < 0) {
		return -1;
	}
	m.profile = profile_store_load(s->store, name, e);
	if (!m.profile)
		return -1;
	return sink_plan_impose(plan, &m, e) == 0 ? 0 : err_prefix(e, "--%s", option);
}

int sink_profiles_load(struct sink_profiles *s, struct sink_plan *plan, struct err *e)
{
	if (s->wish_count == 0)
		return 0;
	s->store = cmd_folders_store(&s->folders, e);
	if (!s->store)
		return -1;
	for (int i = 0; i < s->wish_count; i++)
		if (load_one(s, s->wishes[i].option, s->wishes[i].value, plan, e) < 0)
			return -1;
	return 0;
}

void sink_profiles_fini(struct sink_profiles *s)
{
	profile_store_free(s->store);
	for (int i = 0; i < s->domain_count; i++)
		free(s->domains[i]);
	*s = (struct sink_profiles){0};
}
