/*
 * churn: a log of numbered lines that is rotated in every way there is while
 * it is written to.
 *
 * Lines are of one length and equal at both ends, further than a short check
 * looks: only one that covers the number in the middle tells them apart. The
 * writer pauses while a copy is made and truncated: what is written in that
 * window is lost by copytruncate.
 */
#ifndef SSETAIL_TESTS_CHURN_H
#define SSETAIL_TESTS_CHURN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/reader.h"

enum churn_rotation {
	CHURN_RENAME,
	CHURN_RENAME_LATER, /* some time without a file */
	CHURN_COPY_TRUNCATE,
	CHURN_COPY_HOLE,      /* by a writer that goes on at its old offset */
	CHURN_LATE_WRITER,    /* one that keeps the renamed file */
	CHURN_BURST,	      /* several between two looks */
	CHURN_UNTERMINATED,   /* the last line without its newline */
	CHURN_LOGROTATE,      /* the real one, with create */
	CHURN_LOGROTATE_COPY, /* the real one, with copytruncate */
	CHURN_ROTATIONS
};

struct churn {
	const char *folder;
	const char *log;  /* folder/app.log */
	uint32_t lines;	  /* no more than these are written */
	uint32_t written; /* and numbered from 1 */
	uint32_t generation;
	uint32_t generations;	 /* there is room for as many */
	uint32_t *generation_of; /* by line: the file it went to, from 0 */
	unsigned rotations[CHURN_ROTATIONS];

	/* Names are shifted slowly, in units of 0.1 ms each. */
	unsigned slow;
	/* Called between the rotations of a burst. May be NULL. */
	void (*between)(void);

	/* Inside. */
	const char *state, *logrotate[2];
	int fd; /* the writer's */
	bool no_append;
	int late_fd; /* of a writer that keeps the old file */
	uint32_t late_generation;
	enum churn_rotation order[CHURN_ROTATIONS];
	int order_left;
};

/* "rename", "burst" ... */
extern const char *const churn_names[CHURN_ROTATIONS];

/* An empty log in that folder, for so many lines. What follows is the same
 * for the same seed of chance.h. */
void churn_open(struct churn *c, const char *folder, uint32_t lines);
void churn_release(struct churn *c);

/* Writes the next lines, some of them in two parts; then one by the writer
 * that kept an old file, if there is one. */
void churn_write(struct churn *c, uint32_t count);

/* Each kind once before any comes again, in an order that chance makes. */
enum churn_rotation churn_next(struct churn *c);
void churn_rotate(struct churn *c, enum churn_rotation kind);

/* Nobody writes to an old file any more. */
void churn_settle(struct churn *c);

/* The number of the line that an event holds; fails the test if that is not
 * one that was written. */
uint32_t churn_number(const struct churn *c, const struct reader_event *e);

/* A configuration's lines about the log: a source "app". */
#define CHURN_SOURCE "{ name = \"app\"; path = \"app.log\"; }"

#endif
