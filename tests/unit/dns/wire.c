/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire.c - a small writer of DNS messages
 *
 * Written apart from engine/dns on purpose: a shared misunderstanding of the format would hide
 * from every test.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

void wire_raw(struct wire *w, const void *data, size_t len)
{
	assert(w->len + len <= WIRE_MAX);
	if (len == 0)
		return;
	memcpy(w->data + w->len, data, len);
	w->len += len;
}

static void put_u16(struct wire *w, unsigned value)
{
	const uint8_t octets[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	wire_raw(w, octets, sizeof(octets));
}

static void put_u32(struct wire *w, unsigned long value)
{
	put_u16(w, (unsigned)(value >> 16 & 0xFFFF));
	put_u16(w, (unsigned)(value & 0xFFFF));
}

static void put_name(struct wire *w, const char *name)
{
	if (strcmp(name, "@") == 0) {
		put_u16(w, 0xC00C);
		return;
	}
	while (*name && strcmp(name, ".") != 0) {
		const char *dot = strchr(name, '.');
		size_t len = dot ? (size_t)(dot - name) : strlen(name);
		uint8_t octet = (uint8_t)len;

		assert(len > 0 && len <= 63);
		wire_raw(w, &octet, 1);
		wire_raw(w, name, len);
		name += len + (dot ? 1 : 0);
	}
	wire_raw(w, "", 1);
}

void wire_set(struct wire *w, size_t at, unsigned value)
{
	w->data[at] = (uint8_t)(value >> 8);
	w->data[at + 1] = (uint8_t)value;
}

void wire_begin(struct wire *w, unsigned id, unsigned flags, const char *name, unsigned type)
{
	w->len = 0;
	put_u16(w, id);
	put_u16(w, 0x8180u | flags);
	put_u16(w, 1);
	put_u16(w, 0);
	put_u16(w, 0);
	put_u16(w, 0);
	put_name(w, name);
	put_u16(w, type);
	put_u16(w, 1);
}

static void put_rdata(struct wire *w, const char *type, const char *first, const char *second)
{
	uint8_t address[16];

	if (strcmp(type, "A") == 0) {
		assert(inet_pton(AF_INET, first, address) == 1);
		wire_raw(w, address, 4);
	} else if (strcmp(type, "AAAA") == 0) {
		assert(inet_pton(AF_INET6, first, address) == 1);
		wire_raw(w, address, 16);
	} else if (strcmp(type, "MX") == 0) {
		put_u16(w, (unsigned)strtoul(first, NULL, 10));
		put_name(w, second);
	} else if (strcmp(type, "CNAME") == 0 || strcmp(type, "NS") == 0) {
		put_name(w, first);
	} else {
		assert(strcmp(type, "SOA") == 0);
		put_name(w, "ns.invalid.");
		put_name(w, "hostmaster.invalid.");
		for (int i = 0; i < 4; i++)
			put_u32(w, 86400);
		put_u32(w, strtoul(first, NULL, 10));
	}
}

static unsigned type_of(const char *type)
{
	static const struct {
		const char *name;
		unsigned number;
	} types[] = {{"A", TYPE_A},	    {"AAAA", TYPE_AAAA}, {"MX", TYPE_MX},
		     {"CNAME", TYPE_CNAME}, {"NS", TYPE_NS},	 {"SOA", TYPE_SOA}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i].name) == 0)
			return types[i].number;
	assert(!"a type that the tests know");
	return 0;
}

static void put_record(struct wire *w, const char *line)
{
	char owner[300], type[8], first[300], second[300] = "";
	unsigned long ttl;
	size_t length_at;
	int fields = sscanf(line, "%299s %lu %7s %299s %299s", owner, &ttl, type, first, second);

	assert(fields >= 4);
	put_name(w, owner);
	put_u16(w, type_of(type));
	put_u16(w, 1);
	put_u32(w, ttl);
	length_at = w->len;
	put_u16(w, 0);
	put_rdata(w, type, first, second);
	wire_set(w, length_at, (unsigned)(w->len - length_at - 2));
}

void wire_records(struct wire *w, enum wire_section section, const char *lines)
{
	unsigned count = 0;
	char line[1024];

	while (lines && *lines) {
		size_t len = strcspn(lines, "\n");

		assert(len < sizeof(line));
		memcpy(line, lines, len);
		line[len] = '\0';
		put_record(w, line);
		count++;
		lines += len + (lines[len] == '\n' ? 1 : 0);
	}
	wire_set(w, section, count + ((unsigned)w->data[section] << 8 | w->data[section + 1]));
}

unsigned wire_question(const uint8_t *data, size_t len, char name[256])
{
	size_t at = 12, out = 0;

	if (len < 17 || (data[2] & 0x80) || data[4] != 0 || data[5] != 1)
		return 0;
	while (at < len && data[at] != 0) {
		size_t label = data[at++];

		if (label > 63 || at + label >= len || out + label + 1 >= 255)
			return 0;
		for (size_t i = 0; i < label; i++) {
			char c = (char)data[at + i];
			name[out++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		}
		name[out++] = '.';
		at += label;
	}
	name[out] = '\0';
	if (at + 5 > len || data[at + 3] != 0 || data[at + 4] != 1)
		return 0;
	return (unsigned)data[at + 1] << 8 | data[at + 2];
}
