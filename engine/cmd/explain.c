/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain.c - what a reply means, and what to do about it
 *
 * Replies come as operands, on standard input, or in a log. From a log, those with the same
 * explanation are shown once, with how often they came and one of them.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/units.h"
#include "cmd/commands.h"
#include "cmd/explain_log.h"
#include "cmd/folders.h"
#include "cmd/options.h"
#include "profile/explain.h"
#include "result/run.h"

#define WIDTH	   80
#define LABEL	   12 /* columns of the labels */
#define SAMPLE_MAX 1024
#define GROUPS_MAX 10000

struct explain_options {
	struct cmd_take take;
	bool wants_help, is_json;
	const char *profile, *log;
	struct cmd_folders folders;
};

/* One explanation, and how often it was asked for. */
struct group {
	struct explanation x;
	uint64_t count;
	uint16_t code; /* of the sample; 0: no reply came */
	struct enhanced_code enhanced;
	char sample[SAMPLE_MAX]; /* cleaned UTF-8 */
};

struct groups {
	struct group *all;
	size_t count, cap;
	uint64_t passed_over; /* beyond GROUPS_MAX */
};

static const struct cmd_option option_table[] = {
	{"json", 'j', NULL, "write JSON: an object for one reply, an array else"},
	{"profile", 'p', "NAME", "judge by this profile; default: by whose words they are"},
	{"profile-dir", 0, "DIR", "look for profiles there first; repeat for more"},
	{"log", 'l', "FILE",
	 "read replies from a log of volley (--log), KumoMTA or Postfix, or one reply a line; - is "
	 "standard input"},
	{"help", 'h', NULL, "show this help"},
	{NULL, 0, NULL, NULL},
};

static void help(void)
{
	puts("Usage: volley explain [OPTION...] ['REPLY'...]\n\n"
	     "Says what a server's reply means: whose problem it is, the likely cause,\n"
	     "what to do, and whether to try again. Without operands, reads standard\n"
	     "input.\n\n"
	     "  volley explain '550 5.1.1 User unknown'\n"
	     "  volley explain --log /var/log/mail.log\n\n"
	     "Options:");
	cmd_options_help(option_table, stdout);
}

static int take_option(struct cmd_take *self, const char *name, const char *value, struct err *e)
{
	struct explain_options *o = (struct explain_options *)self;

	if (strcmp(name, "json") == 0)
		o->is_json = true;
	else if (strcmp(name, "profile") == 0)
		o->profile = value;
	else if (strcmp(name, "log") == 0)
		o->log = value;
	else if (strcmp(name, "help") == 0)
		o->wants_help = true;
	else
		return cmd_folders_take(&o->folders, value, e);
	return 0;
}

/* --- text --------------------------------------------------------------------------------- */

/* A label, and a text broken into lines behind it. */
static void field(const char *label, const char *text)
{
	int column = LABEL;

	printf("  %-*s", LABEL - 2, label);
	while (*text != '\0') {
		int len = (int)strcspn(text, " \n");

		if (column > LABEL && column + 1 + len > WIDTH) {
			printf("\n%*s", LABEL, "");
			column = LABEL;
		}
		printf("%s%.*s", column > LABEL ? " " : "", len, text);
		column += len + (column > LABEL);
		text += len;
		text += strspn(text, " \n");
	}
	putchar('\n');
}

static const char *seconds_text(int64_t ns, char out[UNITS_TEXT_MAX])
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	int64_t seconds = (ns + 999999999) / 1000000000;
	size_t i = 0;

	while (i < 3 && (seconds % units[i].seconds != 0 || seconds == 0))
		i++;
	snprintf(out, UNITS_TEXT_MAX, "%lld %s%s", (long long)(seconds / units[i].seconds),
		 units[i].name, seconds == units[i].seconds ? "" : "s");
	return out;
}

static void retry_text(const struct explanation *x, char *out, size_t out_size)
{
	const struct verdict *v = &x->verdict;
	const char *when = v->hold_ns > 0 ? "after" : "by schedule after";
	char time[UNITS_TEXT_MAX];

	if (v->class == CLASS_ACCEPTED)
		snprintf(out, out_size, "nothing to try again");
	else if (v->retry == RETRY_NEVER)
		snprintf(out, out_size, "no%s",
			 v->scope == SCOPE_RECIPIENT && v->permanence == PERMANENCE_SOFT
				 ? ", but a later message to this recipient may pass"
				 : "");
	else if (v->rule != NULL && v->rule->holds_window)
		snprintf(out, out_size, "yes, once the window that was used up has ended");
	else if (v->retry == RETRY_OTHER_SOURCE)
		snprintf(out, out_size,
			 "from another source; from this one not before the cause is mended");
	else
		snprintf(out, out_size, "yes, %s%s %s",
			 v->class == CLASS_GREYLISTED ? "from the same address, " : "", when,
			 seconds_text(x->after_ns, time));
}

static void basis_text(const struct group *g, char *out, size_t out_size)
{
	const struct verdict *v = &g->x.verdict;
	char enhanced[ENHANCED_TEXT_MAX];

	switch (v->basis) {
	case BASIS_RULE:
		snprintf(out, out_size, "rule %s of %s:%d", v->rule->name, v->rule->place.file,
			 v->rule->place.line);
		return;
	case BASIS_ENHANCED:
		snprintf(out, out_size, "its enhanced code%s%s alone: no rule knows the text",
			 g->enhanced.class != 0 ? " " : "", enhanced_text(g->enhanced, enhanced));
		return;
	case BASIS_CODE:
		if (v->class == CLASS_ACCEPTED)
			snprintf(out, out_size, "its code %u", g->code);
		else
			snprintf(out, out_size, "its basic code %u alone: no rule knows the text",
				 g->code);
		return;
	case BASIS_NONE:
		break;
	}
	snprintf(out, out_size, "%s", g->code == 0 ? "no reply came" : "not a reply of SMTP");
}

static void print_sample(const struct group *g, bool has_count)
{
	char line[SAMPLE_MAX + 64], count[UNITS_TEXT_MAX];
	size_t len = 0;

	if (has_count)
		len = (size_t)snprintf(line, sizeof(line), "%s x ",
				       units_count_text(g->count, count));
	if (g->code != 0)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%u ", g->code);
	snprintf(line + len, sizeof(line) - len, "%s", g->sample);
	for (char *lf = strchr(line, '\n'); lf != NULL; lf = strchr(lf, '\n'))
		*lf = ' ';
	for (const char *text = line; *text != '\0'; text += strspn(text, " ")) {
		size_t take = strlen(text);

		if (take > WIDTH) {
			take = WIDTH;
			while (take > 0 && text[take] != ' ')
				take--;
			/* No space to break at: then between characters of UTF-8. */
			if (take == 0)
				for (take = WIDTH; ((unsigned char)text[take] & 0xc0) == 0x80;)
					take--;
		}
		printf("%.*s\n", (int)take, text);
		text += take;
	}
}

/* "unknown-user (hard)", "throttled (throttle, soft)": nothing is said twice. */
static void class_text(const struct explanation *x, char *out, size_t out_size)
{
	const char *class = class_name(x->verdict.class);
	const char *permanence = permanence_name(x->verdict.permanence);
	bool has_kind = strcmp(x->kind, class) != 0 && strcmp(x->kind, permanence) != 0;
	bool has_permanence = x->verdict.permanence != PERMANENCE_NONE;

	snprintf(out, out_size, "%s%s%s%s%s%s", class, has_kind || has_permanence ? " (" : "",
		 has_kind ? x->kind : "", has_kind && has_permanence ? ", " : "",
		 has_permanence ? permanence : "", has_kind || has_permanence ? ")" : "");
}

static void print_group(const struct group *g, bool has_count)
{
	const struct explanation *x = &g->x;
	const struct verdict *v = &x->verdict;
	char text[512];

	print_sample(g, has_count);
	class_text(x, text, sizeof(text));
	field("class", text);
	if (x->provider != NULL)
		field("said by", x->provider);
	if (v->scope != SCOPE_NONE)
		field("concerns", x->whose);
	field("cause", x->cause);
	field("to do", x->remedy);
	if (v->dial != DIAL_NONE && v->dial != DIAL_SUSPEND) {
		snprintf(text, sizeof(text), "turn down %s", dial_name(v->dial));
		field("dial", text);
	}
	retry_text(x, text, sizeof(text));
	field("retry", text);
	basis_text(g, text, sizeof(text));
	field("basis", text);
}

/* --- JSON --------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *retry_to_json(const struct explanation *x)
{
	json_t *o = json_object();

	json_object_set_new(o, "again", json_boolean(x->retries));
	json_object_set_new(o, "way", json_string(retry_way_name(x->verdict.retry)));
	json_object_set_new(o, "after_s",
			    x->after_ns > 0 ? json_integer((x->after_ns + 999999999) / 1000000000)
					    : json_null());
	return o;
}

static json_t *group_to_json(const struct group *g, bool has_count)
{
	static const char *const bases[] = {
		[BASIS_RULE] = "rule",
		[BASIS_ENHANCED] = "enhanced-code",
		[BASIS_CODE] = "basic-code",
		[BASIS_NONE] = "none",
	};
	const struct explanation *x = &g->x;
	const struct verdict *v = &x->verdict;
	char enhanced[ENHANCED_TEXT_MAX];
	json_t *o = json_object(), *reply = json_object();

	json_object_set_new(reply, "code", g->code != 0 ? json_integer(g->code) : json_null());
	json_object_set_new(reply, "enhanced", text_or_null(enhanced_text(g->enhanced, enhanced)));
	json_object_set_new(reply, "text", json_string(g->sample));
	json_object_set_new(o, "reply", reply);
	if (has_count)
		json_object_set_new(o, "count", json_integer((json_int_t)g->count));
	json_object_set_new(o, "class", json_string(class_name(v->class)));
	json_object_set_new(o, "permanence", json_string(permanence_name(v->permanence)));
	json_object_set_new(o, "kind", json_string(x->kind));
	json_object_set_new(o, "scope", json_string(scope_name(v->scope)));
	json_object_set_new(o, "dial", json_string(dial_name(v->dial)));
	json_object_set_new(o, "provider", text_or_null(x->provider));
	json_object_set_new(o, "profile", json_string(x->profile->name));
	json_object_set_new(o, "cause", json_string(x->cause));
	json_object_set_new(o, "remedy", json_string(x->remedy));
	json_object_set_new(o, "retry", retry_to_json(x));
	json_object_set_new(o, "basis", json_string(bases[v->basis]));
	json_object_set_new(o, "rule", text_or_null(v->rule != NULL ? v->rule->name : NULL));
	if (v->rule != NULL) {
		json_object_set_new(o, "file", json_string(v->rule->place.file));
		json_object_set_new(o, "line", json_integer(v->rule->place.line));
	}
	return o;
}

static int write_json(const struct groups *groups, bool is_single, bool has_count, struct err *e)
{
	json_t *document = is_single ? group_to_json(&groups->all[0], has_count) : json_array();
	int result;

	for (size_t i = 0; !is_single && i < groups->count; i++)
		json_array_append_new(document, group_to_json(&groups->all[i], has_count));
	result = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(document);
	putchar('\n');
	return result == 0 ? 0 : err_set(e, EXIT_FAILED, errno, "not all JSON could be written");
}

/* --- grouping ----------------------------------------------------------------------------- */

static bool is_same(const struct group *g, const struct explanation *x, const struct reply *reply)
{
	const struct verdict *a = &g->x.verdict, *b = &x->verdict;

	if (a->rule != b->rule || a->basis != b->basis || a->class != b->class ||
	    a->permanence != b->permanence || a->retry != b->retry || g->x.profile != x->profile)
		return false;
	if (a->rule != NULL || a->class == CLASS_ACCEPTED)
		return true;
	/* Where codes alone were judged, they are what is explained. */
	return reply == NULL
		       ? g->code == 0
		       : g->code == reply->code && g->enhanced.subject == reply->enhanced.subject &&
				 g->enhanced.detail == reply->enhanced.detail;
}

static int groups_add(struct groups *groups, const struct explanation *x, const struct reply *reply,
		      struct span sample, bool is_grouped, struct err *e)
{
	struct group *g;

	for (size_t i = 0; is_grouped && i < groups->count; i++)
		if (is_same(&groups->all[i], x, reply)) {
			groups->all[i].count++;
			return 0;
		}
	if (groups->count == GROUPS_MAX) {
		groups->passed_over++;
		return 0;
	}
	if (groups->count == groups->cap) {
		size_t cap = groups->cap > 0 ? 2 * groups->cap : 16;
		struct group *all = realloc(groups->all, cap * sizeof(*all));

		if (all == NULL)
			return err_set(e, EXIT_FAILED, 0, "no memory for the explanations");
		groups->all = all;
		groups->cap = cap;
	}
	g = &groups->all[groups->count++];
	*g = (struct group){.x = *x, .count = 1};
	if (reply != NULL) {
		g->code = reply->code;
		g->enhanced = reply->enhanced;
	}
	run_text_clean(sample, g->sample, sizeof(g->sample));
	return 0;
}

/* Most frequent first; what was accepted needs no reading and stands last. */
static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	bool x_accepted = x->x.verdict.class == CLASS_ACCEPTED;
	bool y_accepted = y->x.verdict.class == CLASS_ACCEPTED;

	if (x_accepted != y_accepted)
		return x_accepted ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->sample, y->sample);
}

static int judge(struct explainer *explainer, struct explain_finder *f, enum explain_find found,
		 bool is_grouped, struct groups *groups, struct err *e)
{
	struct explanation x;

	if (found == EXPLAIN_NO_MEMORY)
		return err_set(e, EXIT_FAILED, 0, "no memory to read the replies");
	if (found == EXPLAIN_REPLY) {
		if (explainer_judge(explainer, &f->reply, f->phase, &x, e) < 0)
			return -1;
		return groups_add(groups, &x, &f->reply, f->reply.text, is_grouped, e);
	}
	if (found == EXPLAIN_NETWORK) {
		explainer_judge_network(explainer, &x);
		return groups_add(groups, &x, NULL, f->failure, is_grouped, e);
	}
	return 0;
}

/* --- the command -------------------------------------------------------------------------- */

static int explain_operands(struct explainer *x, int count, char **operands, struct groups *groups,
			    struct err *e)
{
	struct explain_finder f;
	int result = 0;

	explain_finder_init(&f);
	for (int i = 0; i < count && result == 0; i++) {
		enum explain_find found = explain_find_text(&f, span_of(operands[i]));

		if (found == EXPLAIN_NOTHING)
			result = err_set(e, EXIT_USAGE, 0,
					 "\"%.200s\" is no SMTP reply: one begins with a code of "
					 "three digits, such as '550 5.1.1 User unknown'",
					 operands[i]);
		else
			result = judge(x, &f, found, false, groups, e);
	}
	explain_finder_fini(&f);
	return result;
}

static int explain_stream(struct explainer *x, FILE *in, const char *name, struct groups *groups,
			  struct err *e)
{
	struct explain_finder f;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int result = 0;

	explain_finder_init(&f);
	while (result == 0 && (len = getline(&line, &cap, in)) >= 0)
		result = judge(x, &f, explain_find_line(&f, (struct span){line, (size_t)len}), true,
			       groups, e);
	if (result == 0)
		result = judge(x, &f, explain_find_end(&f), true, groups, e);
	if (result == 0 && ferror(in))
		result =
			err_set(e, EXIT_FAILED, errno, "cannot read %s: %s", name, strerror(errno));
	if (result == 0 && groups->count == 0)
		result =
			err_set(e, EXIT_USAGE, 0,
				"%s holds no SMTP reply: give a log of volley, KumoMTA or Postfix, "
				"or a reply a line",
				name);
	if (result == 0 && f.foreign_count > 0)
		fprintf(stderr, "volley explain: %llu of %llu lines of %s hold no reply\n",
			(unsigned long long)f.foreign_count, (unsigned long long)f.line_count,
			name);
	free(line);
	explain_finder_fini(&f);
	if (groups->count > 1)
		qsort(groups->all, groups->count, sizeof(*groups->all), compare_groups);
	return result;
}

static int explain_log(struct explainer *x, const char *path, struct groups *groups, struct err *e)
{
	bool is_stdin = path == NULL || strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	int result;

	if (in == NULL)
		return err_set(e, EXIT_USAGE, errno, "--log: cannot read %s: %s", path,
			       strerror(errno));
	result = explain_stream(x, in, is_stdin ? "standard input" : path, groups, e);
	if (!is_stdin)
		fclose(in);
	return result;
}

static int show(const struct groups *groups, bool is_json, bool is_log, struct err *e)
{
	if (is_json)
		return write_json(groups, !is_log && groups->count == 1, is_log, e);
	for (size_t i = 0; i < groups->count; i++) {
		if (i > 0)
			putchar('\n');
		print_group(&groups->all[i], is_log);
	}
	return 0;
}

static int run(const struct explain_options *o, int count, char **operands, struct err *e)
{
	bool is_log = count == 0;
	struct groups groups = {0};
	struct profile_store *store;
	struct explainer *x;
	int result = -1;

	if (is_log && o->log == NULL && isatty(STDIN_FILENO))
		return err_set(e, EXIT_USAGE, 0,
			       "there is nothing to explain: give a reply, such as '550 5.1.1 User "
			       "unknown', or a log by --log");
	if (!is_log && o->log != NULL)
		return err_set(e, EXIT_USAGE, 0,
			       "give replies or --log, not both: \"%.200s\" stands beside it",
			       operands[0]);
	store = cmd_folders_store(&o->folders, e);
	if (store == NULL)
		return -1;
	x = explainer_new(store, o->profile, e);
	if (x != NULL)
		result = is_log ? explain_log(x, o->log, &groups, e)
				: explain_operands(x, count, operands, &groups, e);
	if (result == 0)
		result = show(&groups, o->is_json, is_log, e);
	if (result == 0 && fflush(stdout) != 0)
		result = err_set(e, EXIT_FAILED, errno, "not all could be written: %s",
				 strerror(errno));
	free(groups.all);
	explainer_free(x);
	profile_store_free(store);
	return result;
}

int cmd_explain(int argc, char **argv)
{
	struct explain_options o = {.take.take = take_option};
	struct err e = {0};
	int operand;

	if (cmd_options_parse(option_table, argc, argv, &o.take, &operand, &e) == 0) {
		if (o.wants_help) {
			help();
			return EXIT_WELL;
		}
		if (run(&o, argc - operand, argv + operand, &e) == 0)
			return EXIT_WELL;
	}
	fprintf(stderr, "volley explain: %s\n", e.text);
	return e.status;
}
