/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secure_sim.c - the tests of channel/ over sealed links, which are TLS without cryptography
 */
#include "stage.h"

const bool stage_is_encrypted = false;

struct secure *stage_secure(struct stage *s, const struct sim_secure_options *options,
			    struct err *e)
{
	static const struct sim_certificate certificate = {
		"mx.example.com", "Test CA", 0, 0, false, 0};
	struct sim_secure_options o = *options;

	if (o.role == SECURE_SERVER && o.certificate == NULL)
		o.certificate = &certificate;
	return sim_secure(s->sim, &o, e);
}
