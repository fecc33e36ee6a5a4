/*
 * history: the first client of a log of 10 GB: from its connect to the last
 * line of its history, with the file in memory, and without.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/bench/contest.h"
#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define LOG_BYTES   UINT64_C(10000000000)
#define QUICK_BYTES UINT64_C(100000000)
#define CHUNK_LINES 10000
#define REACH_MS    10

/* Returns the number of lines. */
static uint64_t write_log(const char *path, uint64_t bytes)
{
	static char text[CHUNK_LINES * RESPONDER_LINE_BYTES];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	uint64_t number = 0;

	memset(text, 'x', sizeof(text));
	while (number * RESPONDER_LINE_BYTES < bytes) {
		for (size_t i = 0; i < CHUNK_LINES; i++) {
			char *line = text + i * RESPONDER_LINE_BYTES;

			sequence_write(line, ++number);
			line[RESPONDER_LINE_BYTES - 1] = '\n';
		}
		if (write(fd, text, sizeof(text)) != (ssize_t)sizeof(text))
			die_errno("%s", path);
	}
	if (fsync(fd) < 0)
		die_errno("%s", path);
	close(fd);
	return number;
}

/* Out of the memory of the kernel. */
static void forget(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		die("%s: stays in memory", path);
	close(fd);
}

/* Nobody was there before: the file is opened anew. */
static double connect_once(
	const struct responder *r, uint64_t lines, unsigned history)
{
	char query[32];
	double begun;
	struct crowd *one;

	snprintf(query, sizeof(query), "tail=%u", history);
	begun = now_ns();
	one = responder_open_crowd(r, 1, query, NULL);
	crowd_begin_at(one, lines - history + 1);
	crowd_expect(one, lines);
	crowd_wait(one);
	begun = now_ns() - begun;
	crowd_close(one);
	sleep_ms(20);
	return begun / 1e6;
}

static void measure(const struct bench *b, const struct responder *r,
	uint64_t lines, unsigned history, bool cold)
{
	double ms[CONTEST_ROUNDS_MAX];
	char what[96];

	for (size_t i = 0; i < b->rounds; i++) {
		if (cold)
			forget(r->log_path);
		ms[i] = connect_once(r, lines, history);
	}
	snprintf(what, sizeof(what), "%u lines, the log %s memory", history,
		cold ? "not in" : "in");
	report_row(&(struct report_row){
		.what = what,
		.unit = "ms",
		.ours = spread_of(ms, b->rounds),
		.judged = JUDGE_OURS,
		.at_most = REACH_MS,
	});
}

static uint64_t room_for(const struct bench *b, const char *path)
{
	uint64_t wanted = b->quick ? QUICK_BYTES : LOG_BYTES, room;
	struct statvfs disk;

	fclose(fopen(path, "we"));
	if (statvfs(path, &disk) < 0)
		die_errno("%s", path);
	room = (uint64_t)disk.f_bavail * disk.f_frsize / 2;
	return wanted < room ? wanted : room;
}

void part_history(const struct bench *b)
{
	const char *path = folder_new_path("log");
	uint64_t bytes = room_for(b, path), lines = write_log(path, bytes);
	struct responder r = responder_open_with(&(struct responder_how){
		.program = b->program,
		.file = path,
		.source_settings = "history_max = 1000;",
	});
	char title[80];

	snprintf(title, sizeof(title), "First connect to a log of %.1f GB",
		(double)bytes / 1e9);
	report_title(title);
	measure(b, &r, lines, 10, false);
	measure(b, &r, lines, 10, true);
	measure(b, &r, lines, 1000, false);
	measure(b, &r, lines, 1000, true);
	responder_close(&r);
	unlink(path);
}
