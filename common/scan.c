#include "common/scan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/place.h"
#include "common/split.h"

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

enum scan_outcome scan_begin(struct scan *s, struct buffer *window,
	size_t window_bytes, struct file *file, uint64_t offset, uint64_t check,
	uint64_t limit, size_t max_line_bytes)
{
	enum scan_outcome outcome;
	uint64_t found;

	*s = (struct scan){
		.file = file,
		.window = window,
		.window_bytes = window_bytes,
		.window_start = before(offset),
		.offset = offset,
		.limit = limit,
		.max_line_bytes = max_line_bytes,
		.at_end = file->finished && limit == file->size,
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
 * Looks for a newline from `from` on. Returns SCAN_RECORD with *newline, its
 * offset, or with the limit if nothing will ever follow.
 */
static enum scan_outcome find_newline(
	struct scan *s, uint64_t from, uint64_t *newline)
{
	uint64_t stop = from + SEARCH_BYTES;
	char chunk[CHUNK_BYTES];

	while (from < s->limit) {
		size_t want = sizeof(chunk);
		const char *hit;
		ssize_t n;

		if (want > s->limit - from)
			want = (size_t)(s->limit - from);
		n = file_read(s->file, chunk, want, from);
		if (n < 0)
			return outcome_of_errno();
		if (n == 0)
			return SCAN_CHANGED;
		hit = memchr(chunk, '\n', (size_t)n);
		if (hit) {
			*newline = from + (uint64_t)(hit - chunk);
			return SCAN_RECORD;
		}
		from += (uint64_t)n;
		long_of(s)->long_searched = from;
		if (from >= stop && from < s->limit)
			return SCAN_MORE;
	}
	*newline = s->limit;
	return s->at_end ? SCAN_RECORD : SCAN_NOTHING;
}

/* A record whose text does not fit the window: it is cut, its end is looked
 * for. `text` is where its text starts in the window. */
static enum scan_outcome long_record(
	struct scan *s, struct record *r, uint64_t text)
{
	uint64_t from = s->window_start + s->window->len, newline, end;
	enum scan_outcome outcome;
	char last;

	if (long_of(s)->long_searched > from)
		from = s->file->long_searched;
	outcome = find_newline(s, from, &newline);
	if (outcome != SCAN_RECORD)
		return outcome;
	end = newline;
	if (newline < s->limit) {
		if (file_read_whole(s->file, &last, 1, newline - 1) < 0)
			return outcome_of_errno();
		end -= last == '\r';
	}
	r->data = s->window->data + (text - s->window_start);
	r->data_len = split_cut(r->data, s->max_line_bytes);
	r->dropped = end - text - r->data_len;
	r->passed = text - s->offset;
	r->start = s->offset;
	r->end = newline < s->limit ? newline + 1 : newline;
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

/* A hole up to the very end of a file to which nothing is added. */
static enum scan_outcome last_hole(struct scan *s, struct record *r)
{
	enum scan_outcome outcome;

	*r = (struct record){ .passed = s->limit - s->offset,
		.start = s->offset,
		.end = s->limit };
	outcome = check_at(s, r->end, &r->check);
	if (outcome == SCAN_RECORD)
		s->offset = r->end;
	return outcome;
}

enum scan_outcome scan_next(struct scan *s, struct record *r)
{
	uint64_t text = s->offset; /* behind the NULs it begins with */

	for (;;) {
		enum scan_outcome outcome = reach(s, text);
		struct split_record found;
		const char *bytes;
		size_t len, nuls;
		bool whole;

		if (outcome != SCAN_RECORD)
			return outcome;
		bytes = s->window->data + (text - s->window_start);
		len = s->window->len - (size_t)(text - s->window_start);
		whole = s->window_start + s->window->len >= s->limit;

		if (len > 0 && split_next(bytes, len, whole && s->at_end,
				       s->max_line_bytes, &found)) {
			r->data = found.data;
			r->data_len = found.data_len;
			r->dropped = found.dropped;
			r->start = s->offset;
			r->end = text + found.size;
			r->passed = text - s->offset +
				    (found.data ? (uint64_t)(found.data - bytes)
						: found.size);
			outcome = check_at(s, r->end, &r->check);
			if (outcome == SCAN_RECORD)
				s->offset = r->end;
			return outcome;
		}
		if (whole && s->at_end && len == 0 && text > s->offset)
			return last_hole(s, r);
		if (whole)
			return SCAN_NOTHING;
		nuls = leading_nuls(bytes, len);
		text += nuls;
		if (nuls > 0 && nuls == len) {
			outcome = skip_hole(s, &text);
			if (outcome != SCAN_RECORD)
				return outcome;
			continue;
		}
		len -= nuls;
		/* One byte more than the limit tells where to cut, and a
		 * CR LF must not be torn. */
		if (len > s->max_line_bytes + 2)
			return long_record(s, r, text);
		move_window(s, before(text));
		outcome = extend(s, len < s->window_bytes ? s->window_bytes
							  : len + CHUNK_BYTES);
		if (outcome != SCAN_RECORD)
			return outcome;
	}
}

enum scan_outcome scan_back(struct buffer *window, struct file *file,
	uint64_t offset, uint64_t reach, uint32_t *records, uint64_t *start)
{
	uint64_t at = offset, stop = offset > reach ? offset - reach : 0;

	*start = offset;
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
			if (!newline) {
				at -= want;
				break;
			}
			at -= want - (size_t)(newline - window->data);
			want = (size_t)(newline - window->data);
			if (at + 1 < *start) {
				*start = at + 1;
				(*records)--;
			}
		}
	}
	if (*records > 0 && at == 0 && *start > 0) {
		*start = 0;
		(*records)--;
	}
	return SCAN_RECORD;
}
