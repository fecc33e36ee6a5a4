/*
 * Records of a file: what scan makes of it, with any window, is what the few
 * lines here do that have all of it in memory; whichever read fails, it is
 * said, and what comes afterwards is the same. Written as events, they are to
 * the parser of tests/lib what the text of the file is.
 *
 * The input begins with five letters, a for the first or none: the longest
 * line, the window, how many records to pass over, whether the file is finished
 * (b; c, d: likewise, and holes are not sparse; e to h and i to l: the same for
 * format multiline, without and with a pause), how many records to go back.
 * In the rest ~4x is 4^4 times x, and ~8@ is 4^8 times NUL: a hole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/encode.h"
#include "common/place.h"
#include "common/scan.h"
#include "common/split.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/bytes.h"
#include "tests/lib/sse.h"

enum { LINE, WINDOW, START, FINISHED, BACK, LETTERS };

/* Of the larger ones not everything is looked at: it takes too long. */
enum { CONTENT_MAX = 5 << 20, FAILURES_MAX = 1 << 20, EVENTS_MAX = 1 << 16 };

enum { FAILED_READS = 40, RECORDS_AFTER = 4, FAILURES_WINDOW = 4096 };

/* ---- reads that fail */

enum failure { EMPTY, WAITS, FAILS, FAILURES };

static enum failure failure;
static int reads_left = -1; /* until one fails; below 0: none does */

ssize_t __real_cold_read(int fd, void *out, size_t len, off_t offset);
ssize_t __wrap_cold_read(int fd, void *out, size_t len, off_t offset);

ssize_t __wrap_cold_read(int fd, void *out, size_t len, off_t offset)
{
	if (reads_left < 0 || reads_left-- > 0)
		return __real_cold_read(fd, out, len, offset);
	errno = failure == WAITS ? EAGAIN : EIO;
	return failure == EMPTY ? 0 : -1;
}

/* Has it failed by now? */
static bool has_failed(void)
{
	return reads_left < 0;
}

static enum scan_outcome outcome_of_failure(void)
{
	static const enum scan_outcome outcomes[FAILURES] = { SCAN_CHANGED,
		SCAN_WAIT, SCAN_FAILED };

	return outcomes[failure];
}

/* ---- the file */

static void expand(struct bytes *out, const uint8_t *data, size_t size)
{
	char block[256];

	for (size_t i = 0; i < size && out->len < CONTENT_MAX; i++) {
		size_t count = 1;

		if (data[i] == '~' && size - i > 2 && data[i + 1] >= '0' &&
			data[i + 1] <= '9') {
			count <<= 2 * (data[i + 1] - '0');
			i += 2;
		}
		memset(block, data[i] == '@' ? 0 : data[i], sizeof(block));
		for (; count > sizeof(block); count -= sizeof(block))
			bytes_add(out, block, sizeof(block));
		bytes_add(out, block, count);
	}
}

/* Long runs of NULs are left out: a hole. */
static int write_file(const struct bytes *content, bool sparse)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	const char *data = bytes_text(content);
	size_t at = 0;

	MUST(fd >= 0 && ftruncate(fd, (off_t)content->len) == 0);
	while (at < content->len) {
		size_t len = content->len - at, n = 0;

		while (n < len && data[at + n] == '\0')
			n++;
		if (!sparse || n < 4096) {
			const char *next =
				memmem(data + at + n, len - n, "\0\0\0\0", 4);

			n = next ? (size_t)(next - data) - at : len;
			n = n ? n : 1;
			MUST(pwrite(fd, data + at, n, (off_t)at) == (ssize_t)n);
		}
		at += n;
	}
	return fd;
}

static uint64_t check_of(const struct bytes *content, size_t offset)
{
	size_t head = offset < 256 ? offset : 256;
	size_t last = offset < 512 ? offset : 512;
	const char *data = bytes_text(content);

	return place_check(place_head_hash(data, head), data + offset - last,
		last, offset);
}

struct way {
	enum split_format format;
	bool finished, paused;
};

/* The newline that ends a record of several lines, or NULL. */
static const char *last_newline(
	const struct bytes *content, const char *newline, const struct way *way)
{
	const char *end = bytes_text(content) + content->len;

	while (newline && newline + 1 < end &&
		(newline[1] == ' ' || newline[1] == '\t')) {
		const char *next =
			memchr(newline + 1, '\n', (size_t)(end - newline - 1));

		if (!next)
			return way->paused && !way->finished ? newline : NULL;
		newline = next;
	}
	return newline && (newline + 1 < end || way->finished || way->paused)
		       ? newline
		       : NULL;
}

/* The record at `start`, from all of the content. False: none is complete. */
static bool find_record(const struct bytes *content, size_t start,
	const struct way *way, size_t max, struct record *r)
{
	const char *data = bytes_text(content), *text = data + start, *end;
	const char *newline = memchr(text, '\n', content->len - start);

	if (way->format == SPLIT_MULTILINE)
		newline = last_newline(content, newline, way);
	if (start == content->len || (!newline && !way->finished))
		return false;
	end = newline ? newline : data + content->len;
	r->start = start;
	r->end = (uint64_t)(end - data) + (newline != NULL);
	if (newline && end > text && end[-1] == '\r')
		end--;
	while (text < end && *text == '\0')
		text++;
	/* A hole at the end is passed over. */
	r->data = !newline && text == end ? NULL : text;
	r->data_len = (size_t)(end - text);
	r->dropped = 0;
	if (r->data_len > max) {
		size_t cut = max;

		/* Not before a byte that goes on with a sequence, unless
		 * there are more of them than a sequence has. */
		while (max - cut < 4 && cut > 0 && (text[cut] & 0xc0) == 0x80)
			cut--;
		if (max - cut == 4 || cut == 0)
			cut = max;
		r->dropped = r->data_len - cut;
		r->data_len = cut;
	}
	r->check = check_of(content, r->end);
	return true;
}

static enum scan_outcome next(struct scan *s, struct record *r)
{
	enum scan_outcome outcome;

	while ((outcome = scan_next(s, r)) == SCAN_MORE)
		;
	return outcome;
}

static void compare(struct file *file, const struct bytes *content,
	const struct way *way, size_t start, size_t max, size_t window_bytes)
{
	struct buffer window = BUFFER_INIT;
	struct record got, want;
	struct scan s;

	if (start > 0)
		MUST(scan_begin(way->format, &s, &window, window_bytes, file,
			     start, check_of(content, start) ^ 1, content->len,
			     max) == SCAN_CHANGED);
	MUST(scan_begin(way->format, &s, &window, window_bytes, file, start,
		     check_of(content, start), content->len,
		     max) == SCAN_RECORD);
	s.is_paused = way->paused;
	while (find_record(content, start, way, max, &want)) {
		MUST(next(&s, &got) == SCAN_RECORD);
		MUST(got.start == want.start && got.end == want.end);
		MUST(got.data_len == want.data_len);
		MUST((got.data == NULL) == (want.data == NULL));
		MUST(want.data_len == 0 ||
			memcmp(got.data, want.data, want.data_len) == 0);
		MUST(got.dropped == want.dropped);
		MUST(got.check == want.check);
		start = want.end;
	}
	MUST(next(&s, &got) == SCAN_NOTHING);
	buffer_release(&window);
}

/* The first records, each from a scan of its own as a process reads them, when
 * read number `fails` is no good. False: there are not so many. */
static bool read_with_failure(struct file *file, const struct bytes *content,
	const struct way *way, size_t start, size_t max, int fails)
{
	struct buffer window = BUFFER_INIT;
	struct record got, want;

	file_forget(file);
	file->finished = way->finished;
	reads_left = fails;
	for (int after = 0; after < RECORDS_AFTER; after += has_failed()) {
		bool before = has_failed();
		struct scan s;
		enum scan_outcome outcome = scan_begin(way->format, &s, &window,
			FAILURES_WINDOW, file, start, check_of(content, start),
			content->len, max);

		s.is_paused = way->paused;
		if (outcome == SCAN_RECORD)
			outcome = next(&s, &got);
		if (has_failed() && !before) {
			MUST(outcome == outcome_of_failure());
			continue;
		}
		if (!find_record(content, start, way, max, &want)) {
			MUST(outcome == SCAN_NOTHING);
			break;
		}
		MUST(outcome == SCAN_RECORD);
		MUST(got.end == want.end && got.check == want.check);
		MUST(got.data_len == want.data_len);
		MUST(got.dropped == want.dropped);
		start = want.end;
	}
	buffer_release(&window);
	return has_failed();
}

static void check_failures(struct file *file, const struct bytes *content,
	const struct way *way, size_t start, size_t max)
{
	for (int kind = 0; kind < FAILURES; kind++) {
		failure = (enum failure)kind;
		for (int i = 0; i < FAILED_READS; i++)
			if (!read_with_failure(
				    file, content, way, start, max, i))
				break;
		reads_left = -1;
	}
}

/* ---- as events */

static void keep(void *context, const struct sse_event *e)
{
	bytes_add_format(context, "%zu ", e->data_len);
	bytes_add(context, e->data, e->data_len);
}

static void judge(
	struct bytes *events, const char *stream, size_t len, bool is_ours)
{
	struct sse parser;

	sse_init(&parser, keep, events);
	sse_feed(&parser, stream, len);
	sse_end(&parser);
	MUST(!is_ours || (sse_fault(&parser) == NULL && !parser.unfinished));
	sse_release(&parser);
}

static void compare_events(struct file *file, const struct bytes *content,
	const struct way *way, size_t start, size_t max, size_t window_bytes)
{
	struct buffer window = BUFFER_INIT, ours = BUFFER_INIT;
	struct bytes plain = BYTES_INIT, got = BYTES_INIT, want = BYTES_INIT;
	struct record r;
	struct scan s;

	encode_comment(&ours, "start");
	bytes_add_text(&plain, ":\n");
	MUST(scan_begin(way->format, &s, &window, window_bytes, file, start,
		     check_of(content, start), content->len,
		     max) == SCAN_RECORD);
	s.is_paused = way->paused;
	while (next(&s, &r) == SCAN_RECORD) {
		if (!r.data)
			continue;
		encode_data(&ours, r.data, r.data_len);
		encode_tail(&ours, NULL, "1");
	}
	for (; find_record(content, start, way, max, &r); start = r.end) {
		if (!r.data)
			continue;
		sse_add_data(&plain, r.data, r.data_len);
		bytes_add_byte(&plain, '\n');
	}
	judge(&got, ours.data, ours.len, true);
	judge(&want, bytes_text(&plain), plain.len, false);
	MUST(got.len == want.len);
	MUST(memcmp(bytes_text(&got), bytes_text(&want), got.len) == 0);
	buffer_release(&window);
	buffer_release(&ours);
	bytes_release(&plain);
	bytes_release(&got);
	bytes_release(&want);
}

/* ---- backwards */

/* The start of the record that many before `end`. */
static size_t go_back(const struct bytes *content, const struct way *way,
	size_t end, size_t records)
{
	const char *data = bytes_text(content);

	while (records > 0 && end > 0) {
		const char *newline = memrchr(data, '\n', end - 1);

		end = newline ? (size_t)(newline - data) + 1 : 0;
		records -= way->format == SPLIT_LINES ||
			   (data[end] != ' ' && data[end] != '\t');
	}
	return end;
}

static bool said_it_failed(enum scan_outcome outcome)
{
	MUST(outcome == (has_failed() ? SCAN_WAIT : SCAN_RECORD));
	return has_failed();
}

static void compare_back(struct file *file, const struct bytes *content,
	const struct way *way, uint32_t records)
{
	struct buffer window = BUFFER_INIT;
	enum scan_outcome outcome;
	uint32_t left = records;
	uint64_t start;

	MUST(scan_back(way->format, &window, file, content->len, content->len,
		     &left, &start) == SCAN_RECORD);
	MUST(start == go_back(content, way, content->len, records));
	failure = WAITS;
	for (int i = 0; i < FAILED_READS; i++) {
		left = records;
		reads_left = i;
		outcome = scan_back(way->format, &window, file, content->len,
			content->len, &left, &start);
		if (!said_it_failed(outcome))
			break;
	}
	for (int i = 0; i < FAILED_READS; i++) {
		reads_left = i;
		outcome = scan_last(
			way->format, &window, file, way->paused, &start);
		if (!said_it_failed(outcome))
			break;
	}
	reads_left = -1;
	buffer_release(&window);
}

/* A file that became shorter, or is another, is noticed. */
static void check_changes(
	int fd, struct file *file, const struct bytes *content)
{
	struct buffer window = BUFFER_INIT;
	uint64_t start = content->len;
	struct record r;
	struct scan s;

	MUST(scan_begin(SPLIT_LINES, &s, &window, 4096, file, start + 1, 0,
		     start, 1024) == SCAN_CHANGED);
	if (start > 0) {
		MUST(scan_begin(SPLIT_LINES, &s, &window, 4096, file, 0, 0,
			     start, 1024) == SCAN_RECORD);
		MUST(ftruncate(fd, 0) == 0);
		MUST(scan_next(&s, &r) == SCAN_CHANGED);
		MUST(scan_begin(SPLIT_LINES, &s, &window, 4096, file, start, 0,
			     start, 1024) == SCAN_CHANGED);
	}
	buffer_release(&window);
}

/* Without a file: every piece of the start gives the record or none. */
static void compare_split(const struct bytes *content, const struct way *way)
{
	size_t len = content->len < 300 ? content->len : 300;
	struct bytes start = { content->data, len, 0 };
	struct split_record got;
	struct record want;
	enum split_rest rest = way->finished ? SPLIT_END
			       : way->paused ? SPLIT_PAUSE
					     : SPLIT_MORE;
	bool found = split_next(
		way->format, bytes_text(&start), len, rest, 16, &got);

	MUST(found == find_record(&start, 0, way, 16, &want));
	if (!found)
		return;
	MUST(got.size == want.end && got.data == want.data);
	MUST(got.data_len == want.data_len && got.dropped == want.dropped);
	MUST(!split_next(way->format, bytes_text(&start), got.size - 1,
		SPLIT_MORE, 16, &got));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t lines[] = { 1024, 1025, 4000, 20000, 1 << 20 };
	static const size_t windows[] = { 20480, 262144, 512, 70000 };
	struct bytes content = BYTES_INIT;
	struct file *file;
	size_t start = 0;
	char path[40];
	unsigned letter[LETTERS];
	struct way way, open;
	int fd;

	if (size < LETTERS)
		return 0;
	for (int i = 0; i < LETTERS; i++)
		letter[i] = (unsigned char)(data[i] - 'a');
	expand(&content, data + LETTERS, size - LETTERS);
	fd = write_file(&content, letter[FINISHED] / 2 % 2 == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	MUST(file_open(AT_FDCWD, path, &file) == FILE_OPEN);
	file->finished = letter[FINISHED] % 2;

	way = (struct way){
		.format = letter[FINISHED] / 4 ? SPLIT_MULTILINE : SPLIT_LINES,
		.finished = file->finished,
		.paused = letter[FINISHED] / 4 % 2 == 0,
	};
	open = (struct way){ .format = way.format };
	for (int i = (int)(letter[START] % 8); i > 0 && start < content.len;
		i--) {
		struct record r;

		if (!find_record(&content, start, &open, 1024, &r))
			break;
		start = r.end;
	}
	compare(file, &content, &way, start, lines[letter[LINE] % 5],
		windows[letter[WINDOW] % 4]);
	if (content.len <= EVENTS_MAX)
		compare_events(file, &content, &way, start,
			lines[letter[LINE] % 5], windows[letter[WINDOW] % 4]);
	if (content.len <= FAILURES_MAX)
		check_failures(
			file, &content, &way, start, lines[letter[LINE] % 5]);
	compare_back(file, &content, &way, letter[BACK] % 32);
	compare_split(&content, &way);
	check_changes(fd, file, &content);
	file_close(file);
	close(fd);
	bytes_release(&content);
	return 0;
}
