#include "common/scan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/place.h"

/* How far one call looks for the end of a record before others get a turn. */
#define SEARCH_BYTES (4u << 20)

/* How much is looked at in one go, backwards or for the end of a record. */
#define CHUNK_BYTES 65536u

static enum scan_outcome outcome_of_errno(void)
{
	if (errno == EAGAIN)
		return SCAN_WAIT;
	if (errno == ENODATA)
		return SCAN_CHANGED;
	return SCAN_FAILED;
}

/* Reads up to `bytes` more behind the window, not past the limit. */
static enum scan_outcome extend(struct scan *s, size_t bytes)
{
	uint64_t end = s->window_start + s->window->len;
	char *to;
	ssize_t n;

	if (end >= s->limit)
		return SCAN_NOTHING;
	if (bytes > s->limit - end)
		bytes = (size_t)(s->limit - end);
	to = buffer_reserve(s->window, bytes);
	if (!to)
		return SCAN_FAILED;
	n = file_read(s->file, to, bytes, end);
	if (n < 0)
		return outcome_of_errno();
	if (n == 0)
		return SCAN_CHANGED;
	s->window->len += (size_t)n;
	return SCAN_RECORD;
}

/* Makes `start` the first byte of the window; what is there already stays. */
static void move_window(struct scan *s, uint64_t start)
{
	struct buffer *w = s->window;

	if (start >= s->window_start && start < s->window_start + w->len) {
		size_t gone = (size_t)(start - s->window_start);

		memmove(w->data, w->data + gone, w->len - gone);
		w->len -= gone;
	} else {
		buffer_clear(w);
	}
	s->window_start = start;
}

static uint64_t before(uint64_t offset)
{
	return offset > PLACE_LAST_BYTES ? offset - PLACE_LAST_BYTES : 0;
}

/* The check at an offset of which the window holds the bytes before. */
static enum scan_outcome check_at(
	struct scan *s, uint64_t offset, uint64_t *check)
{
	const char *first = s->window->data;
	uint64_t from = before(offset), hash;

	if (offset < PLACE_HEAD_BYTES)
		hash = place_head_hash(first, (size_t)offset);
	else if (file_head_hash(s->file, &hash) < 0)
		return outcome_of_errno();
	*check = place_check(hash, first + (from - s->window_start),
		(size_t)(offset - from), offset);
	return SCAN_RECORD;
}

/* Has the window hold what is before `offset`, as a check there needs it. */
static enum scan_outcome reach(struct scan *s, uint64_t offset)
{
	enum scan_outcome outcome = SCAN_RECORD;

	if (s->window_start <= before(offset) &&
		s->window_start + s->window->len >= offset)
		return SCAN_RECORD;
	move_window(s, before(offset));
	while (outcome == SCAN_RECORD &&
		s->window_start + s->window->len < offset)
		outcome = extend(s, PLACE_LAST_BYTES + s->window_bytes);
	return outcome == SCAN_NOTHING ? SCAN_CHANGED : outcome;
}

enum scan_outcome scan_begin(enum split_format format, struct scan *s,
	struct buffer *window, size_t window_bytes, struct file *file,
	uint64_t offset, uint64_t check, uint64_t limit, size_t max_line_bytes)
{
	enum scan_outcome outcome;
	uint64_t found;

	*s = (struct scan){
		.format = format,
		.file = file,
		.window = window,
		.window_bytes = window_bytes,
		.window_start = before(offset),
		.offset = offset,
		.limit = limit,
		.max_line_bytes = max_line_bytes,
		.at_end = file->finished && limit == file->size &&
			  (!file->is_spool || format == SPLIT_BLOCKS),
	};
	if (offset > file->size)
		return SCAN_CHANGED;
	buffer_clear(window);
	if (!buffer_reserve(window, 1)) /* an empty one has an address, too */
		return SCAN_FAILED;
	outcome = reach(s, offset);
	if (outcome != SCAN_RECORD)
		return outcome;
	outcome = check_at(s, offset, &found);
	if (outcome == SCAN_RECORD && offset > 0 && found != check)
		return SCAN_CHANGED;
	return outcome;
}

/* The file, ready to keep what is found out of the scan's next record. */
static struct file *long_of(const struct scan *s)
{
	struct file *f = s->file;

	if (f->long_start != s->offset) {
		f->long_start = s->offset;
		f->long_text = f->long_searched = 0;
	}
	return f;
}

/*
 * Looks for the end of the record whose text begins at `text`, from `from` on.
 * Returns SCAN_RECORD with *end and *found, or with the limit when nothing
 * will ever follow.
 */
static enum scan_outcome find_end(struct scan *s, uint64_t text, uint64_t from,
	uint64_t *end, bool *found)
{
	uint64_t stop = from + SEARCH_BYTES;
	char chunk[CHUNK_BYTES];

	while (from < s->limit) {
		uint64_t start = from - text > SPLIT_CONTEXT
					 ? from - SPLIT_CONTEXT
					 : text;
		size_t want = sizeof(chunk), known = (size_t)(from - start);
		ssize_t n;
		size_t size;

		if (want > s->limit - start)
			want = (size_t)(s->limit - start);
		n = file_read(s->file, chunk, want, start);
		if (n < 0)
			return outcome_of_errno();
		if ((size_t)n <= known)
			return SCAN_CHANGED;
		/* The last byte alone may not have told. */
		size = split_end(
			s->format, chunk, (size_t)n, known ? known - 1 : 0);
		*found = size > 0;
		*end = start + size;
		if (size > 0)
			return SCAN_RECORD;
		from = start + (uint64_t)n;
		long_of(s)->long_searched = from;
		if (from >= stop && from < s->limit)
			return SCAN_MORE;
	}
	*found = false;
	*end = s->limit;
	return s->at_end ? SCAN_RECORD : SCAN_NOTHING;
}

/* Of several lines: does the file end where the last of them does? */
static int ends_with_line(const struct scan *s, bool *ends)
{
	char last;

	if (file_read_whole(s->file, &last, 1, s->limit - 1) < 0)
		return -1;
	*ends = last == '\n';
	return 0;
}

/* Where the lines that begin at `text` have ended, before the limit. */
static enum scan_outcome find_last_line(
	struct scan *s, uint64_t text, uint64_t *end)
{
	char chunk[CHUNK_BYTES];
	uint64_t at = s->limit;

	while (at > text) {
		size_t want = at - text < sizeof(chunk) ? (size_t)(at - text)
							: sizeof(chunk);
		const char *newline;

		at -= want;
		if (file_read_whole(s->file, chunk, want, at) < 0)
			return outcome_of_errno();
		newline = memrchr(chunk, '\n', want);
		if (newline) {
			*end = at + (uint64_t)(newline - chunk) + 1;
			return SCAN_RECORD;
		}
	}
	return SCAN_NOTHING;
}

/* Where the text ends that begins at `text` and has its newline before *end. */
static int trim_line(const struct scan *s, uint64_t text, uint64_t *end)
{
	char last;

	(*end)--;
	if (*end == text)
		return 0;
	if (file_read_whole(s->file, &last, 1, *end - 1) < 0)
		return -1;
	*end -= last == '\r';
	return 0;
}

/* A record whose text does not fit the window: its end is looked for. A line
 * is cut, a block is dropped. `text` is where its text starts in the window. */
static enum scan_outcome long_record(
	struct scan *s, struct record *r, uint64_t text, uint64_t passed)
{
	uint64_t from = s->window_start + s->window->len, end, text_end;
	enum scan_outcome outcome;
	bool found;

	if (long_of(s)->long_searched > from)
		from = s->file->long_searched;
	outcome = find_end(s, text, from, &end, &found);
	if (outcome == SCAN_NOTHING && s->format == SPLIT_MULTILINE &&
		s->is_paused) {
		outcome = find_last_line(s, text, &end);
		found = true;
	}
	if (outcome != SCAN_RECORD)
		return outcome;
	if (!found && s->format == SPLIT_MULTILINE &&
		ends_with_line(s, &found) < 0)
		return outcome_of_errno();
	text_end = end;
	*r = (struct record){
		.passed = passed, .start = s->offset, .end = end
	};
	if (s->format == SPLIT_BLOCKS) {
		r->is_unfinished = !found;
	} else {
		if (found && trim_line(s, text, &text_end) < 0)
			return outcome_of_errno();
		r->data = s->window->data + (text - s->window_start);
		/* A pause may have ended it before what made it long. */
		r->data_len = text_end - text > s->max_line_bytes
				      ? split_cut(r->data, s->max_line_bytes)
				      : (size_t)(text_end - text);
	}
	r->dropped = text_end - text - r->data_len;
	if (file_check(s->file, r->end, &r->check) < 0)
		return outcome_of_errno();
	s->offset = r->end;
	return SCAN_RECORD;
}

static size_t leading_nuls(const char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && bytes[n] == '\0')
		n++;
	return n;
}

/*
 * From *text on, the window holds nothing but NULs: moves *text behind all of
 * them. Holes are jumped over.
 */
static enum scan_outcome skip_hole(struct scan *s, uint64_t *text)
{
	uint64_t at = *text, stop = at + SEARCH_BYTES;
	struct file *f = long_of(s);

	if (f->long_text > at)
		at = f->long_text;
	while (at < s->limit) {
		enum scan_outcome outcome;
		size_t i = 0;

		at = file_next_data(f, at);
		if (at >= s->limit)
			break;
		buffer_clear(s->window);
		s->window_start = at;
		outcome = extend(s, CHUNK_BYTES);
		if (outcome != SCAN_RECORD)
			return outcome;
		i = leading_nuls(s->window->data, s->window->len);
		at += i;
		f->long_text = at;
		if (i < s->window->len) {
			*text = at;
			return SCAN_RECORD;
		}
		if (at >= stop && at < s->limit)
			return SCAN_MORE;
	}
	*text = s->limit;
	return SCAN_RECORD;
}

/* A record without text that ends at `end`, up to which the window reaches:
 * a hole at the end of a file to which nothing is added, or blank lines. */
static enum scan_outcome empty_record(
	struct scan *s, struct record *r, uint64_t passed, uint64_t end)
{
	enum scan_outcome outcome;

	*r = (struct record){
		.passed = passed, .start = s->offset, .end = end
	};
	outcome = check_at(s, r->end, &r->check);
	if (outcome == SCAN_RECORD)
		s->offset = r->end;
	return outcome;
}

/* What was passed over before the text of a record. */
struct passed {
	uint64_t nuls;
	uint64_t blank; /* bytes of blank lines before a block */
};

/*
 * A block begins behind a hole, blank lines and the mark of the byte order at
 * the start of the file. The bytes are those at `text`. Returns how many to
 * pass over.
 */
static size_t before_block(
	const char *bytes, size_t len, uint64_t text, struct passed *passed)
{
	size_t nuls = leading_nuls(bytes, len), n;

	if (text == 0 && len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		return 3;
	/* A hole that goes on is jumped over. */
	if (nuls > 0) {
		n = nuls < len ? nuls : 0;
		passed->nuls += n;
		return n;
	}
	n = strnlen(bytes, split_blank(bytes, len));
	if (n > SPLIT_BLANK_BYTES - passed->blank)
		n = (size_t)(SPLIT_BLANK_BYTES - passed->blank);
	passed->blank += n;
	return n;
}

/* Are the blank lines so far a record of their own? When they are many, and
 * before a hole: that is the next one's, so that it can be told. */
static bool are_record(
	const struct passed *passed, const char *bytes, size_t len)
{
	return passed->blank == SPLIT_BLANK_BYTES ||
	       (passed->blank > 0 && len > 0 && *bytes == '\0');
}

static enum split_rest rest_of(const struct scan *s, bool whole)
{
	if (!whole)
		return SPLIT_MORE;
	if (s->at_end)
		return SPLIT_END;
	return s->is_paused ? SPLIT_PAUSE : SPLIT_MORE;
}

enum scan_outcome scan_next(struct scan *s, struct record *r)
{
	uint64_t text = s->offset; /* behind what was passed over */
	struct passed passed = { 0 };

	for (;;) {
		enum scan_outcome outcome = reach(s, text);
		struct split_record found;
		const char *bytes;
		size_t len, skip;
		bool whole;

		if (outcome != SCAN_RECORD)
			return outcome;
		bytes = s->window->data + (text - s->window_start);
		len = s->window->len - (size_t)(text - s->window_start);
		whole = s->window_start + s->window->len >= s->limit;
		if (whole && text <= s->limit)
			len = (size_t)(s->limit - text);

		if (s->format == SPLIT_BLOCKS) {
			if (are_record(&passed, bytes, len))
				return empty_record(s, r, passed.nuls, text);
			skip = before_block(bytes, len, text, &passed);
			text += skip;
			if (skip > 0)
				continue;
		}
		if (len > 0 &&
			split_next(s->format, bytes, len, rest_of(s, whole),
				s->max_line_bytes, &found)) {
			r->data = found.data;
			r->data_len = found.data_len;
			r->dropped = found.dropped;
			r->is_unfinished = found.is_unfinished;
			r->start = s->offset;
			r->end = text + found.size;
			r->passed =
				passed.nuls + leading_nuls(bytes, found.size);
			outcome = check_at(s, r->end, &r->check);
			if (outcome == SCAN_RECORD)
				s->offset = r->end;
			return outcome;
		}
		if (whole && s->at_end && len == 0 && text > s->offset)
			return empty_record(s, r, passed.nuls, s->limit);
		if (whole)
			return SCAN_NOTHING;
		skip = leading_nuls(bytes, len);
		text += skip;
		passed.nuls += skip;
		if (skip > 0 && skip == len) {
			uint64_t from = text;

			outcome = skip_hole(s, &text);
			passed.nuls += text - from;
			if (outcome != SCAN_RECORD)
				return outcome;
			continue;
		}
		len -= skip;
		/* One byte more than the limit tells where to cut, and a
		 * CR LF must not be torn. */
		if (len > s->max_line_bytes + 2)
			return long_record(s, r, text, passed.nuls);
		move_window(s, before(text));
		outcome = extend(s, len < s->window_bytes ? s->window_bytes
							  : len + CHUNK_BYTES);
		if (outcome != SCAN_RECORD)
			return outcome;
	}
}

/* ---- backwards */

/* What a line of a block needs to be told by, before and after its start. */
#define BACK_BEFORE 1
#define BACK_AFTER  8

/* Going back over the lines of blocks: what is in memory of the file, and what
 * was found. */
struct back {
	const char *bytes;
	uint64_t at;	/* offset of the first of them */
	uint64_t end;	/* behind the last */
	bool is_inside; /* of a block that was ended further on */
	bool has_data;	/* that block */
};

static char byte_at(const struct back *b, uint64_t offset)
{
	return b->bytes[offset - b->at];
}

/* Does a line start there? Only before the end of what is looked at. */
static bool is_line_start(const struct back *b, uint64_t offset)
{
	char last;

	if (offset == 0)
		return true;
	last = byte_at(b, offset - 1);
	if (last == '\n')
		return true;
	return last == '\r' && !(offset < b->end && byte_at(b, offset) == '\n');
}

/* The line of a block that starts at `line` is the next one back. Returns
 * true with *start when that shows where an event starts. */
static bool take_block_line(struct back *b, uint64_t line, uint64_t *start)
{
	size_t len = (size_t)(b->end - line);
	const char *text = b->bytes + (line - b->at);
	bool shows;

	if (line == 0 && len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (len > 0 && (*text == '\n' || *text == '\r')) {
		*start = line + 1;
		shows = b->is_inside && b->has_data;
		b->is_inside = true;
		b->has_data = false;
		return shows;
	}
	b->has_data |= split_is_data(text, len);
	*start = line;
	return line == 0 && b->is_inside && b->has_data;
}

/*
 * Goes back over blocks from `offset`. With `records`, to where the last of so
 * many starts that have data; without, to where the last one ends.
 */
static enum scan_outcome back_blocks(struct buffer *window, struct file *file,
	uint64_t offset, uint64_t stop, uint32_t *records, uint64_t *start)
{
	struct back b = { 0 };
	uint64_t line = offset, found;

	while (line > stop) {
		uint64_t low =
			line - stop > CHUNK_BYTES ? line - CHUNK_BYTES : stop;

		b.at = low > BACK_BEFORE ? low - BACK_BEFORE : 0;
		b.end = offset - line > BACK_AFTER ? line + BACK_AFTER : offset;
		buffer_clear(window);
		if (!buffer_reserve(window, (size_t)(b.end - b.at)))
			return SCAN_FAILED;
		if (file_read_whole(file, window->data, (size_t)(b.end - b.at),
			    b.at) < 0)
			return outcome_of_errno();
		b.bytes = window->data;
		while (line-- > low) {
			if (!is_line_start(&b, line))
				continue;
			if (take_block_line(&b, line, &found) && records) {
				*start = found;
				if (--*records == 0)
					return SCAN_RECORD;
			}
			if (b.is_inside && !records) {
				*start = found;
				return SCAN_RECORD;
			}
		}
		line = low;
	}
	return SCAN_RECORD;
}

static enum scan_outcome back_lines(enum split_format format,
	struct buffer *window, struct file *file, uint64_t offset,
	uint64_t stop, uint32_t *records, uint64_t *start)
{
	uint64_t at = offset;
	char first = '\0'; /* the byte at `at` */

	while (*records > 0 && at > stop) {
		size_t want = CHUNK_BYTES;
		const char *newline;

		if (want > at - stop)
			want = (size_t)(at - stop);
		buffer_clear(window);
		if (!buffer_reserve(window, want))
			return SCAN_FAILED;
		if (file_read_whole(file, window->data, want, at - want) < 0)
			return outcome_of_errno();
		/* A newline ends the record before the one that starts
		 * behind it; the one at offset - 1 ends the last record. */
		while (want > 0 && *records > 0) {
			newline = memrchr(window->data, '\n', want);
			if (newline != window->data + want - 1)
				first = window->data
						[newline ? newline - window->data +
									1
							 : 0];
			if (!newline) {
				at -= want;
				break;
			}
			at -= want - (size_t)(newline - window->data);
			want = (size_t)(newline - window->data);
			if (at + 1 < *start && (format == SPLIT_LINES ||
						       !split_goes_on(first))) {
				*start = at + 1;
				(*records)--;
			}
			first = '\n';
		}
	}
	if (*records > 0 && at == 0 && *start > 0) {
		*start = 0;
		(*records)--;
	}
	return SCAN_RECORD;
}

enum scan_outcome scan_back(enum split_format format, struct buffer *window,
	struct file *file, uint64_t offset, uint64_t reach, uint32_t *records,
	uint64_t *start)
{
	uint64_t stop = offset > reach ? offset - reach : 0;

	*start = offset;
	if (*records == 0)
		return SCAN_RECORD;
	return format == SPLIT_BLOCKS
		       ? back_blocks(window, file, offset, stop, records, start)
		       : back_lines(format, window, file, offset, stop, records,
				 start);
}

enum scan_outcome scan_last(enum split_format format, struct buffer *window,
	struct file *file, bool is_paused, uint64_t *end)
{
	uint64_t size = file->size;
	uint32_t one = 1;
	char last = '\n';

	*end = 0;
	if (format == SPLIT_BLOCKS)
		return back_blocks(window, file, size, 0, NULL, end);
	*end = size;
	/* The start of what is not complete is the end of what is. */
	if (format == SPLIT_MULTILINE && !is_paused)
		return back_lines(format, window, file, size, 0, &one, end);
	if (size > 0 && file_read_whole(file, &last, 1, size - 1) < 0)
		return outcome_of_errno();
	return last == '\n' ? SCAN_RECORD
			    : back_lines(SPLIT_LINES, window, file, size, 0,
				      &one, end);
}
