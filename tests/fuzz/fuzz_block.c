/*
 * An event stream that somebody wrote into a file, in whatever form: what is
 * made of its blocks and sent on is, to the parser of tests/lib, what the
 * input itself is; whether the file is there at once or grows byte by byte,
 * read from its start, from the end of any record, or back from its end.
 *
 * The first byte picks: the window (a to d), and e to h: the file is finished;
 * i to p: the same, and blocks of more than 1,024 bytes are too long: they are
 * no part of the input then. The rest is the file. Two things are not the
 * standard's, and made up for here: NULs before a block are a hole, and our own
 * types get an "x-".
 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/block.h"
#include "common/encode.h"
#include "common/scan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/bytes.h"
#include "tests/lib/sse.h"

enum {
	CONTENT_MAX = 1 << 20,
	GROWTH_MAX = 2048,
	GROWTH_STEPS = 512,
	TAILS_MAX = 64,
	BACK = 5
};

#define MAX_LINE       16777216
#define SMALL_MAX_LINE 1024

/* ---- what a browser sees */

struct seen {
	struct bytes events; /* type and data, each with its length */
	size_t count;
	size_t starts[1 << 16]; /* of the last ones, in `events` */
	uint64_t retry_ms;
};

static void add_event(
	struct seen *s, const char *prefix, const struct sse_event *e)
{
	s->starts[s->count++ % (1 << 16)] = s->events.len;
	bytes_add_format(&s->events, "%zu ", strlen(prefix) + e->type_len);
	bytes_add_text(&s->events, prefix);
	bytes_add(&s->events, e->type, e->type_len);
	bytes_add_format(&s->events, " %zu ", e->data_len);
	bytes_add(&s->events, e->data, e->data_len);
}

static void see(void *context, const struct sse_event *e)
{
	add_event(context, "", e);
}

static bool is(const struct sse_event *e, const char *type)
{
	return e->type_len == strlen(type) &&
	       memcmp(e->type, type, e->type_len) == 0;
}

/* Of the input: what is ours is set apart. */
static void see_written(void *context, const struct sse_event *e)
{
	bool ours = is(e, "gap") || is(e, "waiting") || is(e, "busy");

	add_event(context, ours ? "x-" : "", e);
}

static void judge(struct seen *s, sse_on_event *on_event, const char *bytes,
	size_t len, bool must_be_good)
{
	struct sse parser;

	bytes_clear(&s->events);
	s->count = 0;
	sse_init(&parser, on_event, s);
	sse_feed(&parser, bytes, len);
	sse_end(&parser);
	if (must_be_good)
		MUST(sse_fault(&parser) == NULL && !parser.unfinished);
	s->retry_ms = parser.has_retry ? parser.retry_ms : UINT64_MAX;
	sse_release(&parser);
}

/* ---- the input, as the standard would have to be given it */

static bool ends_line(char c)
{
	return c == '\r' || c == '\n';
}

/* A part of the file that begins with a block, without holes: the NULs between
 * blocks. Only the first bytes of the file may be a BOM. */
static void add_plain(
	struct bytes *out, const char *text, size_t len, bool is_start)
{
	bool between = true;
	size_t line = 0, i = 0;

	if ((!is_start && out->len == 0) || (len > 0 && text[0] == '\0'))
		bytes_add_text(out, ":\n");
	if (is_start && len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		bytes_add(out, text, 3);
		i = 3;
	}
	for (; i < len; i++) {
		if (between && text[i] == '\0')
			continue;
		bytes_add_byte(out, text[i]);
		if (text[i] == '\n' && i > 0 && text[i - 1] == '\r')
			continue;
		if (!ends_line(text[i])) {
			line++;
			between = false;
		} else {
			between = line == 0;
			line = 0;
		}
	}
}

/* ---- our way */

#define MAX_ENDS 4096

struct written {
	const char *text; /* the file, to be told apart in `plain`: */
	size_t max_line;
	struct bytes plain; /* what was not too long of it */
	bool has_long;	    /* something was */
	struct buffer out;
	size_t count;
	uint64_t ends[MAX_ENDS]; /* of the first records */
	uint64_t last;		 /* end of the last */
	uint64_t unfinished;	 /* bytes that were said to be */
};

static void clear(struct written *w, const char *text, size_t max_line)
{
	w->text = text;
	w->max_line = max_line;
	w->has_long = false;
	bytes_clear(&w->plain);
	buffer_clear(&w->out);
	w->count = 0;
	w->last = w->unfinished = 0;
	encode_comment(&w->out, "start");
}

/* The id of a block is what stands behind an "id:" at a line's start in it,
 * and can be a header's value. */
static void check_id(const char *bytes, size_t len)
{
	const char *id, *end = bytes + len;
	size_t n = block_id(bytes, len, &id);

	MUST((n == 0) ||
		(n <= BLOCK_ID_MAX && id >= bytes + 3 && id + n <= end));
	for (size_t i = 0; i < n; i++)
		MUST(id[i] != '\0' && id[i] != '\r' && id[i] != '\n');
	if (n == 0)
		return;
	if (id[-1] == ' ')
		id--;
	MUST(id >= bytes + 3 && memcmp(id - 3, "id:", 3) == 0);
	MUST(id - 3 == bytes || id[-4] == '\n' || id[-4] == '\r');
}

static void take(struct written *w, const struct record *r)
{
	struct block block;

	if (r->data) {
		block_encode(&w->out, r->data, r->data_len, &block);
		encode_tail(&w->out, NULL, "1");
	}
	MUST(!r->data || r->data_len <= w->max_line);
	MUST(r->dropped == 0 || r->is_unfinished || r->dropped > w->max_line);
	if (r->is_unfinished)
		w->unfinished += r->dropped;
	if (!r->is_unfinished && r->dropped > 0)
		w->has_long = true;
	else
		add_plain(&w->plain, w->text + r->start,
			(size_t)(r->end - r->start), r->start == 0);
	MUST(r->start == w->last && r->end > r->start);
	w->last = r->end;
	if (w->count < MAX_ENDS)
		w->ends[w->count] = r->end;
	if (r->data)
		check_id(r->data, r->data_len);
	w->count++;
}

/* Whoever sees but the last bytes finds the same ends, and blank lines that
 * nothing has followed yet. Of blank lines between holes nothing is told. */
static void check_ends(const struct written *w, const char *text, size_t len)
{
	size_t last = split_last(SPLIT_BLOCKS, text, len, 0), sure = 0;

	for (size_t i = 0; i < w->count && i < MAX_ENDS; i++) {
		size_t end = (size_t)w->ends[i];
		size_t seen = end < SPLIT_CONTEXT ? end : SPLIT_CONTEXT;

		if (end < len && text[end] == '\0')
			continue;
		MUST(split_ends(SPLIT_BLOCKS, text + end - seen, seen));
		sure = end;
	}
	MUST(last >= sure);
	for (size_t i = (size_t)w->last; i < last; i++)
		MUST(text[i] == '\r' || text[i] == '\n' || text[i] == '\0');
}

static void write_on(struct written *w, struct file *file, uint64_t limit,
	size_t window_bytes)
{
	static struct buffer window;
	enum scan_outcome outcome;
	uint64_t check = 0;
	struct record r;
	struct scan s;

	if (w->last > 0)
		MUST(file_check(file, w->last, &check) == 0);
	MUST(scan_begin(SPLIT_BLOCKS, &s, &window, window_bytes, file, w->last,
		     check, limit, w->max_line) == SCAN_RECORD);
	while ((outcome = scan_next(&s, &r)) != SCAN_NOTHING)
		if (outcome == SCAN_RECORD)
			take(w, &r);
		else
			MUST(outcome == SCAN_MORE);
}

/* ---- what must be true */

static void compare(const struct seen *a, const struct seen *b)
{
	MUST(a->count == b->count);
	MUST(a->events.len == b->events.len);
	MUST(memcmp(bytes_text(&a->events), bytes_text(&b->events),
		     a->events.len) == 0);
}

/* Is there a number that is longer than what is passed on? */
static bool has_long_number(const char *text, size_t len)
{
	size_t digits = 0;

	for (size_t i = 0; i < len; i++) {
		digits = text[i] >= '0' && text[i] <= '9' ? digits + 1 : 0;
		if (digits > BLOCK_RETRY_DIGITS)
			return true;
	}
	return false;
}

static void check_unfinished(
	const struct written *w, struct bytes *plain, const struct seen *want)
{
	static struct seen closed;

	bytes_add_text(plain, "\n\n");
	judge(&closed, see_written, bytes_text(plain), plain->len, false);
	/* One that is too long is not looked at for data. */
	MUST(closed.count == want->count + (w->unfinished > 0) ||
		(w->unfinished > w->max_line && closed.count == want->count));
}

/* Byte by byte, or a few at a time, the same records end at the same places. */
static void check_growth(
	struct file *file, const struct written *whole, size_t len)
{
	static struct written grown;
	size_t step = 1 + len / GROWTH_STEPS;

	if (len > GROWTH_MAX)
		return;
	clear(&grown, whole->text, whole->max_line);
	for (size_t limit = step; limit < len; limit += step)
		write_on(&grown, file, limit, 4096);
	write_on(&grown, file, len, 4096);
	MUST(grown.count == whole->count);
	MUST(memcmp(grown.ends, whole->ends,
		     whole->count * sizeof(*whole->ends)) == 0);
	MUST(grown.out.len == whole->out.len);
	MUST(memcmp(grown.out.data, whole->out.data, grown.out.len) == 0);
}

/* From any end on, what comes is what came after it; and that is a place. */
static void check_tails(
	struct file *file, const struct written *whole, size_t len)
{
	static struct written rest;
	size_t count = whole->count < TAILS_MAX ? whole->count : TAILS_MAX;

	for (size_t i = 0; i < count; i++) {
		uint64_t check;

		MUST(file_check(file, whole->ends[i], &check) == 0);
		MUST(file_has_place(file, whole->ends[i], check) == FILE_PLACE);
		clear(&rest, whole->text, whole->max_line);
		rest.last = whole->ends[i];
		write_on(&rest, file, len, 20480);
		MUST(rest.count == whole->count - i - 1);
		MUST(memcmp(rest.ends, whole->ends + i + 1,
			     (count - i - 1) * sizeof(*rest.ends)) == 0);
	}
}

/* From where the last few events start, these come, and no others. */
static void check_back(struct file *file, const struct written *whole,
	const struct seen *want, const char *text, size_t len)
{
	static struct buffer window;
	static struct written rest;
	static struct seen seen;
	uint64_t start, end;

	MUST(scan_last(SPLIT_BLOCKS, &window, file, false, &end) ==
		SCAN_RECORD);
	MUST(end >= whole->last);
	MUST(split_blank(text + whole->last, end - whole->last) ==
		end - whole->last);
	for (uint32_t n = 1; n <= BACK; n++) {
		uint32_t left = n;
		size_t found, from;

		MUST(scan_back(SPLIT_BLOCKS, &window, file, end, len, &left,
			     &start) == SCAN_RECORD);
		found = n - left;
		MUST(found == (want->count < n ? want->count : n));
		if (left > 0)
			continue;
		clear(&rest, whole->text, whole->max_line);
		rest.last = start;
		write_on(&rest, file, len, 4096);
		judge(&seen, see, rest.out.data, rest.out.len, true);
		MUST(seen.count == n);
		from = want->starts[(want->count - n) % (1 << 16)];
		MUST(seen.events.len == want->events.len - from);
		MUST(memcmp(bytes_text(&seen.events),
			     bytes_text(&want->events) + from,
			     seen.events.len) == 0);
	}
}

static int file_of(const void *text, size_t len, struct file **file)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	char path[40];

	MUST(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	MUST(file_open(AT_FDCWD, path, file) == FILE_OPEN);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t windows[] = { 20480, 262144, 512, 1 };
	static struct written whole;
	static struct seen want, got;
	const char *text = (const char *)data + 1;
	struct bytes *plain = &whole.plain;
	struct file *file;
	unsigned letter;
	size_t len;
	int fd;

	if (size == 0 || size > CONTENT_MAX)
		return 0;
	letter = (unsigned char)(data[0] - 'a');
	len = size - 1;
	fd = file_of(text, len, &file);
	clear(&whole, text, letter / 8 % 2 ? SMALL_MAX_LINE : MAX_LINE);
	write_on(&whole, file, len, windows[letter % 4]);
	judge(&got, see, whole.out.data, whole.out.len, true);
	judge(&want, see_written, bytes_text(plain), plain->len, false);
	compare(&got, &want);
	if (!has_long_number(text, len))
		MUST(got.retry_ms == want.retry_ms);
	check_ends(&whole, text, len);

	/* What is behind the last record is no event. */
	add_plain(plain, text + whole.last, (size_t)(len - whole.last),
		whole.last == 0);
	judge(&got, see_written, bytes_text(plain), plain->len, false);
	compare(&got, &want);
	check_growth(file, &whole, len);
	check_tails(file, &whole, len);
	/* A block behind a hole does not count; one that is too long does. */
	if (!whole.has_long && !memchr(text, '\0', len))
		check_back(file, &whole, &want, text, len);
	if (letter / 4 % 2 == 1 && len > 0) {
		size_t plain_len = plain->len;

		file->finished = true;
		write_on(&whole, file, len, windows[letter % 4]);
		MUST(whole.last == len);
		plain->len = plain_len;
		judge(&want, see, whole.out.data, whole.out.len, true);
		check_unfinished(&whole, plain, &want);
	}
	file_close(file);
	close(fd);
	return 0;
}
