/*
 * An id in the hands of a client that means harm, at a log with one rotated
 * file, and another log beside it: whatever it names, what comes are whole
 * lines of this log, in their order; an id that is none is a gap and the
 * configured start; and from where the reader ends nothing comes twice. What
 * was before it comes to an end, too, and is not more than was asked for.
 *
 * So that an input gets past the checks, in it S is the source's tag; F, G
 * and O the tags of the log, of the rotated file, and of the other log; C the
 * check in the file named last at the offset that follows, and B that of its
 * start, where the rotated file is the one before.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/feed.h"
#include "common/file.h"
#include "common/place.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/bytes.h"
#include "tests/lib/sse.h"

enum { LINES = 40, HISTORY = 3, TRIES = 1000 };

static char folder[64];
static const char *const names[] = { "app.log", "app.log.1", "other.log" };
static const char letters[] = "FGO";
static struct source_config config = { .name = (char[]){ "app" },
	.type = SOURCE_FILE,
	.history = HISTORY,
	.history_max = 1000,
	.max_line_bytes = 1024 };

static const char *path_of(int i)
{
	static char path[3][96];

	snprintf(path[i], sizeof(path[i]), "%s/%s", folder, names[i]);
	return path[i];
}

static void remove_all(void)
{
	for (int i = 0; i < 3; i++)
		unlink(path_of(i));
	rmdir(folder);
}

/* The older file has the lines 0 to 39, the log 40 to 79 and half of one. */
static void make_logs(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/ssetail-fuzz-XXXXXX",
		tmp != NULL && strlen(tmp) < 32 ? tmp : "/tmp");
	MUST(mkdtemp(folder) != NULL);
	atexit(remove_all);
	for (int i = 2; i >= 0; i--) {
		FILE *f = fopen(path_of(i), "w");

		MUST(f != NULL);
		for (int n = 0; n < LINES; n++)
			fprintf(f, "%s %03d\n", i == 2 ? "secret" : "line",
				n + (i == 0 ? LINES : 0));
		if (i == 0)
			fputs("line 08", f);
		fclose(f);
	}
	config.path = (char *)(uintptr_t)path_of(0);
}

/* Replaces the letters; cuts what is too long. */
static void expand(char *out, size_t room, const uint8_t *in, size_t size)
{
	struct file *file = NULL, *before;
	char *end = out + room - 16;

	MUST(file_open(AT_FDCWD, path_of(1), &before) == FILE_OPEN);
	for (size_t i = 0; i < size && out < end; i++) {
		const char *letter = memchr(letters, in[i], 3);
		char digits[17] = "";
		uint64_t check = 0;

		if (letter != NULL) {
			file_close(file);
			MUST(file_open(AT_FDCWD,
				     path_of((int)(letter - letters)),
				     &file) == FILE_OPEN);
			out += sprintf(out, "%05x", file->tag);
		} else if (in[i] == 'S') {
			out += sprintf(out, "%04x", place_source_tag("app"));
		} else if (in[i] == 'C') {
			for (size_t n = 0; n < 16 && i + 1 + n < size; n++)
				digits[n] = (char)in[i + 1 + n];
			if (file != NULL)
				file_check(file, strtoull(digits, NULL, 16),
					&check);
			out += sprintf(
				out, "%012llx", (unsigned long long)check);
		} else if (in[i] == 'B') {
			out += sprintf(out, "%012llx",
				(unsigned long long)place_start_check(
					file ? file->tag : 0, before->tag));
		} else {
			*out++ = (char)in[i];
		}
	}
	*out = '\0';
	file_close(before);
	file_close(file);
}

struct seen {
	unsigned lines, gaps;
	bool unknown; /* a gap said so */
	int last;
};

static void judge(void *context, const struct sse_event *event)
{
	struct seen *seen = context;
	char again[32];
	int number;

	if (strcmp(event->type, "gap") == 0) {
		seen->gaps++;
		seen->unknown |= strstr(event->data, "unknown-id") != NULL;
		return;
	}
	MUST(strcmp(event->type, "message") == 0);
	MUST(sscanf(event->data, "line %d", &number) == 1);
	snprintf(again, sizeof(again), "line %03d", number);
	MUST(strcmp(again, event->data) == 0);
	MUST(number >= 0 && number < 2 * LINES);
	MUST(number > seen->last);
	seen->last = number;
	seen->lines++;
}

/* The places of the id that are of this source, as a stream takes them. */
static size_t places_of(const char *id, struct place mine[CURSOR_PLACES_MAX])
{
	struct place places[16];
	int count = place_parse(id, places, 16);
	size_t mine_count = 0;

	for (int i = 0; i < count && mine_count < CURSOR_PLACES_MAX; i++)
		if (places[i].source == place_source_tag("app") &&
			!places[i].is_number)
			mine[mine_count++] = places[i];
	return mine_count;
}

static const struct feed_view alone = {
	.alone = true, .before = "", .after = "", .budget = PLACE_ID_BYTES
};

/* Adds all that there is for a reader. Returns where it is then. */
static struct cursor produce_all(struct feed *f, const struct feed_view *view,
	const struct follower *follower, struct sse *parser)
{
	struct buffer out = BUFFER_INIT;
	struct cursor from = follower->cursor, to;
	enum feed_outcome outcome;
	int tries = 0;

	while ((outcome = feed_produce(f, view, &from, &to, FEED_PIECE_BYTES,
			&out)) != FEED_NOTHING) {
		MUST(outcome != FEED_FAILED && tries++ < TRIES);
		sse_feed(parser, out.data, out.len);
		buffer_clear(&out);
		from = to;
	}
	buffer_release(&out);
	return to;
}

/* What was before an id. */
static void look_back(const char *id)
{
	struct feed_view view = alone;
	struct feed_scratch scratch = { 0 };
	struct follower follower = { 0 };
	struct seen seen = { .last = -1 };
	struct place mine[CURSOR_PLACES_MAX];
	struct feed_places end = { mine, places_of(id, mine) };
	struct feed_places start = { NULL, 0 };
	enum feed_outcome outcome;
	struct sse parser;
	struct feed f;
	int tries = 0;

	feed_init(&f, &config, &scratch, NULL, 65536);
	while ((outcome = feed_follow_until(
			&f, &follower, end, start, HISTORY)) != FEED_NOTHING)
		MUST(outcome != FEED_FAILED && tries++ < TRIES);
	sse_init(&parser, judge, &seen);
	view.until = follower.until;
	follower.cursor = produce_all(&f, &view, &follower, &parser);
	MUST(feed_has_arrived(&follower));
	sse_end(&parser);
	MUST(sse_fault(&parser) == NULL && !parser.unfinished);
	sse_release(&parser);
	MUST(seen.lines <= HISTORY && seen.gaps <= 1);
	MUST(end.count > 0 || (seen.unknown && seen.lines == 0));
	feed_leave(&f, &follower);
	feed_release(&f);
	buffer_release(&scratch.window);
	buffer_release(&scratch.text);
}

/* Follows from an id until nothing more comes; the id there is in `next`. */
static struct seen follow(const char *id, struct buffer *next)
{
	struct feed_scratch scratch = { 0 };
	struct follower follower = { 0 };
	struct seen seen = { .last = -1 };
	struct place mine[CURSOR_PLACES_MAX];
	size_t count = places_of(id, mine);
	enum feed_outcome outcome;
	struct sse parser;
	struct feed f;
	int tries = 0;

	feed_init(&f, &config, &scratch, NULL, 65536);
	while ((outcome = feed_follow(&f, &follower, mine, count, count == 0,
			HISTORY)) != FEED_NOTHING)
		MUST(outcome != FEED_FAILED && tries++ < TRIES);
	sse_init(&parser, judge, &seen);
	for (int i = 0; i < 3; i++) {
		outcome = feed_look(&f, true);
		MUST(outcome != FEED_FAILED);
		follower.cursor = produce_all(&f, &alone, &follower, &parser);
	}
	sse_end(&parser);
	MUST(sse_fault(&parser) == NULL && !parser.unfinished);
	sse_release(&parser);
	buffer_clear(next);
	feed_add_id(&f, &follower.cursor, next);
	buffer_add_byte(next, '\0');
	if (count == 0)
		MUST(seen.unknown);
	/* Where one of several places is known, that is where it starts. */
	if (seen.unknown && count <= 1)
		MUST(seen.gaps == 1 && seen.lines == HISTORY);
	feed_leave(&f, &follower);
	feed_release(&f);
	buffer_release(&scratch.window);
	buffer_release(&scratch.text);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer next = BUFFER_INIT;
	char id[512];
	struct seen seen;

	if (folder[0] == '\0')
		make_logs();
	expand(id, sizeof(id), data, size);
	look_back(id);
	follow(id, &next);
	MUST(strlen(next.data) <= PLACE_ID_BYTES);
	snprintf(id, sizeof(id), "%s", next.data);
	seen = follow(id, &next);
	MUST(seen.lines == 0 && seen.gaps == 0);
	buffer_release(&next);
	return 0;
}
