/*
 * rotation: what happens to a log while nobody looks.
 *
 * A case is what is there before, and what is done to the log while SIGSTOP
 * holds the program between two looks. It is run with both programs and in
 * every way a client can live through it, and judged by what the client has
 * in the end: every line that was written, once, in order within its
 * generation, and the gaps that are due, and no other. Then every id it was
 * given is tried: it must lead to just what came after it.
 *
 * Lines name their generation, a letter, and their number in it; the letter
 * of what is written after the end is "z".
 */
#ifndef SSETAIL_TESTS_ROTATION_H
#define SSETAIL_TESTS_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/bytes.h"
#include "tests/lib/process.h"
#include "tests/lib/reader.h"

enum rotation_program { ROTATION_FCGI, ROTATION_CGI };

enum rotation_way {
	ROTATION_LIVE,	    /* the client is there all the time */
	ROTATION_RECONNECT, /* it goes, and comes back with its last id */
	ROTATION_BESIDE,    /* likewise, while another one stays there */
	ROTATION_RESTART,   /* the program is killed, and started again */
	ROTATION_ELSEWHERE, /* it comes back to the other program */
	ROTATION_WAYS
};

#define ROTATION_LETTERS   26
#define ROTATION_LINES_MAX 4096 /* of one letter */
#define ROTATION_GAPS_MAX  8

struct rotation;

struct rotation_case {
	const char *name; /* what is done: "a log is renamed and created" */
	void (*before)(struct rotation *r); /* NULL: four lines of "a" */
	void (*during)(struct rotation *r);
	const char *settings; /* more of the source's configuration */

	/* The descriptors that another client's stream holds make it a matter
	 * of time what this one still gets. */
	bool not_beside;
	/* What ids name is gone by the end: only the last one is tried. */
	bool forgets;
};

struct rotation {
	const struct rotation_case *what;
	enum rotation_program program;
	enum rotation_way way;
	bool large; /* long lines that begin alike, and many of them */

	const char *top;    /* what the folder is in */
	const char *folder; /* the log's, and nothing else in it */
	const char *log;    /* what the configuration names; a case without
			     * a file there may lead it elsewhere before */

	/* Inside. */
	const char *config;
	const char *socket;
	struct process *responder;
	struct reader *client;
	struct reader *beside;
	char *resume; /* the client's last id while it is gone */
	size_t written[ROTATION_LETTERS];
	bool lost[ROTATION_LETTERS][ROTATION_LINES_MAX];
	char *gaps[ROTATION_GAPS_MAX];
	size_t gap_count;
	size_t expected; /* events, without `waiting` */
};

/* Runs all cases, one test for each program, way and size; returns what
 * cmocka_run_group_tests does. `name` is the group's. TEST_FILTER in the
 * environment, a pattern with * and ?, selects tests by their names. */
int rotation_run(
	const char *name, const struct rotation_case *cases, size_t count);

/* ---- for what is done */

/* Does the client's program hold the descriptors of before? */
bool rotation_is_held(const struct rotation *r);

/* Appends the next `lines` lines of a letter (many times as many if it is
 * large) with one write. They are expected. */
void rotation_write(
	struct rotation *r, const char *path, char letter, unsigned lines);

/* The same at an offset of a descriptor, and its new offset. */
off_t rotation_write_at(
	struct rotation *r, int fd, off_t at, char letter, unsigned lines);

/* One line without its newline. */
void rotation_write_part(struct rotation *r, const char *path, char letter);

/* The bytes that so many lines take in the file. */
off_t rotation_bytes(const struct rotation *r, unsigned lines);

/* The last so many lines of a letter cannot arrive. */
void rotation_lose(struct rotation *r, char letter, unsigned lines);

/* A gap is due. `bytes` -1: unknown. */
void rotation_expect_gap(struct rotation *r, const char *reason, off_t bytes);

/* Lets the program look, with what it takes in for that, and holds it again.
 * By the timer: also where no event tells it to look. */
void rotation_look(struct rotation *r);
void rotation_look_by_timer(struct rotation *r);

/* folder/NAME */
#define rotation_path(r, ...) disk_path((r)->folder, __VA_ARGS__)

/* ---- holding */

/* Stops a process; returns when it stands. And lets it go on. */
void rotation_stop(struct process *p);
void rotation_go(struct process *p);

/* Waits until a process has taken all events that its inotify holds, and
 * sleeps, waiting for more. */
void rotation_wait_idle(struct process *p);

#endif
