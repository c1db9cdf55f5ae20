/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply_parser.c - SMTP replies (RFC 5321 s4.2) out of a stream of bytes
 *
 * The common case, one line that is whole in the input, is read where it stands, in one pass and
 * with nothing copied. Everything else goes through "kept": the texts of whole lines, joined, and
 * behind them the unfinished line as it came.
 *
 * What an unfinished line is refused for must not depend on how the stream is cut: its first four
 * octets are judged as they come, its length at once, the rest when the line is whole.
 */
#include "smtp/reply_parser.h"
#include "smtp/octets.h"

#define CODE_LEN 3

void reply_parser_init(struct reply_parser *p)
{
	*p = (struct reply_parser){.code = 0};
	buf_init(&p->kept, (size_t)SMTP_REPLY_LINES_MAX * SMTP_REPLY_LINE_MAX);
}

void reply_parser_fini(struct reply_parser *p)
{
	buf_fini(&p->kept);
	reply_parser_init(p);
}

void reply_parser_release(struct reply_parser *p)
{
	if (p->kept.data && (p->is_over || (p->code == 0 && p->line_len == 0)))
		reply_parser_fini(p);
}

static bool is_digit(char c)
{
	return (unsigned)c - '0' < 10;
}

static unsigned code_of(const char *line)
{
	return (unsigned)(line[0] - '0') * 100 + (unsigned)(line[1] - '0') * 10 +
	       (unsigned)(line[2] - '0');
}

/*
 * Judges the code of a line by as much of it as is there, the line's end excluded. code is that
 * of the lines before, 0 when there are none.
 */
static enum reply_step judge_code(struct span line, unsigned code)
{
	if (line.len > 0 && (unsigned)line.data[0] - '2' > 3)
		return REPLY_NO_CODE;
	for (size_t i = 1; i < line.len && i < CODE_LEN; i++)
		if (!is_digit(line.data[i]))
			return REPLY_NO_CODE;
	if (line.len >= CODE_LEN && code != 0 && code_of(line.data) != code)
		return REPLY_BAD;
	return REPLY_MORE;
}

/* The same for what stands behind the code of an unfinished line. */
static enum reply_step judge_begin(struct span line, unsigned code)
{
	enum reply_step step = judge_code(line, code);

	if (step == REPLY_MORE && line.len > CODE_LEN && line.data[CODE_LEN] != ' ' &&
	    line.data[CODE_LEN] != '-' && line.data[CODE_LEN] != '\r')
		return REPLY_BAD;
	return step;
}

/* Tab is the only control character that a text may hold. */
static bool has_control(struct span text)
{
	for (;;) {
		size_t at = octets_find_control(text);

		if (at == text.len)
			return false;
		if (text.data[at] != '\t')
			return true;
		text = span_skip(text, at + 1);
	}
}

/* Reads a whole line without its end. DONE: it is the reply's last. */
static enum reply_step judge_line(const struct reply_parser *p, struct span line,
				  unsigned *ret_code, struct span *ret_text)
{
	enum reply_step step = judge_code(line, p->code);

	if (step != REPLY_MORE)
		return step;
	if (line.len < CODE_LEN)
		return REPLY_NO_CODE;
	*ret_code = code_of(line.data);
	if (line.len == CODE_LEN) {
		*ret_text = span_skip(line, CODE_LEN);
		return REPLY_DONE;
	}
	*ret_text = span_skip(line, CODE_LEN + 1);
	if ((line.data[CODE_LEN] != ' ' && line.data[CODE_LEN] != '-') || has_control(*ret_text))
		return REPLY_BAD;
	return line.data[CODE_LEN] == ' ' ? REPLY_DONE : REPLY_MORE;
}

static struct span without_end(const char *data, size_t len_with_lf)
{
	size_t len = len_with_lf - 1;

	return (struct span){data, len > 0 && data[len - 1] == '\r' ? len - 1 : len};
}

static enum reply_step hand_out(struct reply_parser *p, unsigned code, struct span text,
				struct reply *ret_reply)
{
	p->is_over = true;
	*ret_reply = (struct reply){.code = (uint16_t)code, .text = text};
	if (text.len > 0)
		enhanced_parse(text, (uint16_t)code, &ret_reply->enhanced);
	return REPLY_DONE;
}

/*
 * A line is whole at the end of kept, line_len octets with its LF: leaves its text there, joined
 * to the lines before.
 */
static enum reply_step end_kept_line(struct reply_parser *p, struct reply *ret_reply)
{
	struct buf *kept = &p->kept;
	size_t begin = kept->len - p->line_len;
	struct span text = {.len = 0};
	unsigned code = 0;
	enum reply_step step;

	step = judge_line(p, without_end(kept->data + begin, p->line_len), &code, &text);
	if (step != REPLY_MORE && step != REPLY_DONE)
		return step;
	if (text.len > 0)
		memmove(kept->data + begin, text.data, text.len);
	kept->len = begin + text.len;
	p->code = (uint16_t)code;
	p->line_count++;
	p->line_len = 0;
	if (step == REPLY_DONE)
		return hand_out(p, code, buf_span(kept), ret_reply);
	if (p->line_count == SMTP_REPLY_LINES_MAX)
		return REPLY_TOO_LONG;
	/* The text was shorter than its line by the code at least: there is room. */
	kept->data[kept->len++] = '\n';
	return REPLY_MORE;
}

/* A first line that is whole in the input: lends its text when it is the only one. */
static enum reply_step take_whole(struct reply_parser *p, struct span line, struct reply *ret_reply)
{
	struct span text = {.len = 0};
	unsigned code = 0;
	enum reply_step step = judge_line(p, without_end(line.data, line.len), &code, &text);

	return step == REPLY_DONE ? hand_out(p, code, text, ret_reply) : step;
}

/* Keeps len octets of an unfinished line. */
static bool keep(struct reply_parser *p, const char *data, size_t len)
{
	if (!buf_append(&p->kept, data, len))
		return false;
	p->line_len = (uint16_t)(p->line_len + len);
	return true;
}

/* The input ends within a line, or the line passes its limit. */
static enum reply_step take_piece(struct reply_parser *p, struct span piece, bool is_too_long)
{
	char begin[CODE_LEN + 1];
	size_t kept = p->line_len < sizeof(begin) ? p->line_len : sizeof(begin);
	size_t more = sizeof(begin) - kept < piece.len ? sizeof(begin) - kept : piece.len;
	enum reply_step step;

	if (kept > 0)
		memcpy(begin, p->kept.data + p->kept.len - p->line_len, kept);
	if (more > 0)
		memcpy(begin + kept, piece.data, more);
	step = judge_begin((struct span){begin, kept + more}, p->code);
	if (step != REPLY_MORE)
		return step;
	if (is_too_long)
		return REPLY_TOO_LONG;
	return keep(p, piece.data, piece.len) ? REPLY_MORE : REPLY_NO_MEMORY;
}

/*
 * The common case: "250 text" and its end are there, and nothing is unusual about them. One pass
 * finds the end and shows that the text is clean. Takes nothing otherwise.
 */
static bool take_simple(struct reply_parser *p, struct span in, size_t *ret_used,
			struct reply *ret_reply)
{
	struct span text;
	size_t end;

	if (in.len <= CODE_LEN || in.data[CODE_LEN] != ' ' || (unsigned)in.data[0] - '2' > 3 ||
	    !is_digit(in.data[1]) || !is_digit(in.data[2]))
		return false;
	text = span_skip(in, CODE_LEN + 1);
	text.len = octets_find_control(text);
	end = CODE_LEN + 1 + text.len;
	if (end < in.len && in.data[end] == '\r')
		end++;
	if (end >= in.len || in.data[end] != '\n' || end >= SMTP_REPLY_LINE_MAX)
		return false;
	*ret_used = end + 1;
	hand_out(p, code_of(in.data), text, ret_reply);
	return true;
}

enum reply_step reply_parser_feed(struct reply_parser *p, struct span in, size_t *ret_used,
				  struct reply *ret_reply)
{
	enum reply_step step = REPLY_MORE;

	*ret_used = 0;
	if (p->is_over) {
		buf_clear(&p->kept);
		p->is_over = false;
		p->code = p->line_count = p->line_len = 0;
	}
	if (p->line_len == 0 && p->line_count == 0 && take_simple(p, in, ret_used, ret_reply))
		return REPLY_DONE;
	while (step == REPLY_MORE && in.len > 0) {
		size_t room = (size_t)SMTP_REPLY_LINE_MAX - p->line_len;
		size_t reach = in.len < room ? in.len : room;
		const char *lf = memchr(in.data, '\n', reach);
		size_t len = lf ? (size_t)(lf - in.data) + 1 : reach;

		if (!lf) {
			step = take_piece(p, (struct span){in.data, len}, reach == room);
			if (step == REPLY_MORE)
				*ret_used += len;
			return step;
		}
		if (p->line_len == 0 && p->line_count == 0) {
			step = take_whole(p, (struct span){in.data, len}, ret_reply);
			if (step == REPLY_DONE)
				*ret_used += len;
			if (step != REPLY_MORE)
				return step;
		}
		if (!keep(p, in.data, len))
			return REPLY_NO_MEMORY;
		step = end_kept_line(p, ret_reply);
		*ret_used += len;
		in = span_skip(in, len);
	}
	return step;
}
