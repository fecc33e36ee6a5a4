/*
 * report: what a run has measured: printed row by row, and kept in a folder as
 *
 *   figures.tsv  every row and every point, for other programs
 *   figures.md   the rows as a table, for README.md
 *   NAME.svg     a chart for each name of report_point; see chart.h
 *
 * Every part of a run appends to the same files, from whatever process.
 */
#ifndef SSETAIL_BENCH_REPORT_H
#define SSETAIL_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/bench/spread.h"

/* What of a row is held against the bound. */
enum report_judged { JUDGE_NOTHING, JUDGE_RATIO, JUDGE_OURS };

struct report_row {
	const char *what; /* "CPU a delivery, 1,000 clients" */
	const char *unit; /* of `ours` and `theirs`: "us"; NULL: none */
	struct spread ours;
	const char *beside; /* whose figure `theirs` is; NULL: there is none */
	struct spread theirs;
	struct spread ratio; /* of ours to theirs, taken in pairs */
	enum report_judged judged;
	double at_most;	 /* 0: no such bound */
	double at_least; /* 0: no such bound */
	/* A figure of counting or of CPU, that noise hardly touches: its median
	 * decides. Others miss only with their whole interval. */
	bool gates;
	bool is_detail; /* not for README.md */
};

/* Empties the folder's files, and writes what machine it is. */
void report_begin(const char *folder, const char *how);

/* In each process that reports. */
void report_continue(const char *folder);

void report_title(const char *title);

/* Sets `ours`, `theirs` and `ratio` by figures that were taken in pairs;
 * `factor` makes the row's unit of them. */
void report_set_pairs(struct report_row *row, const double *ours,
	const double *theirs, size_t count, double factor);

/* A spread of all zero is left out. */
void report_row(const struct report_row *row);

/* More to say below the last row: to the terminal only. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A point of a line in a chart. */
void report_point(
	const char *chart, const char *line, double x, struct spread y);

/* Rows of this process that missed what they must reach. */
size_t report_missed(void);

/* Draws the charts of a folder. */
void report_end(const char *folder);

#endif
