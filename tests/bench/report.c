#include "tests/bench/report.h"

#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/bench/chart.h"
#include "tests/bench/die.h"
#include "tests/bench/machine.h"

enum { TEXT = 64, PATH = 256 };

static FILE *tsv, *md;
static size_t missed;

static FILE *open_in(const char *folder, const char *name, const char *mode)
{
	char path[PATH];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, mode);
	if (!f)
		die_errno("%s", path);
	return f;
}

void report_begin(const char *folder, const char *how)
{
	char day[TEXT];
	time_t now = time(NULL);
	struct tm tm;

	mkdir(folder, 0777);
	fclose(open_in(folder, "figures.tsv", "we"));
	md = open_in(folder, "figures.md", "we");
	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	printf("%s; %s\n", machine_text(), how);
	fprintf(md, "Measured on %s, on a machine of %s; %s.\n", day,
		machine_text(), how);
	fclose(md);
	fflush(stdout);
}

void report_continue(const char *folder)
{
	tsv = open_in(folder, "figures.tsv", "ae");
	md = open_in(folder, "figures.md", "ae");
}

void report_title(const char *title)
{
	printf("\n%-54s %11s  %-22s %-21s %-8s\n", title, "ssetail",
		"beside it", "ratio (interval)", "to reach");
	fprintf(md,
		"\n| %s | ssetail | beside it | ratio | to reach | |\n"
		"|---|--:|--:|--:|--:|---|\n",
		title);
	fflush(stdout);
	fflush(md);
}

/* ---- a row */

/* Three digits are more than is known, but let small figures be seen. */
static void put_number(char *text, double n)
{
	int digits = n == 0 ? 0 : 2 - (int)floor(log10(fabs(n)));

	if (digits < 0)
		digits = 0;
	if (digits > 4)
		digits = 4;
	snprintf(text, TEXT, "%.*f", digits, n);
}

static bool is_empty(struct spread s)
{
	return s.median == 0 && s.high == 0;
}

static void put_figure(
	char *text, struct spread s, const char *unit, const char *whose)
{
	char number[TEXT / 4];

	text[0] = '\0';
	if (is_empty(s))
		return;
	put_number(number, s.median);
	snprintf(text, TEXT, "%s%s%s%s%s", number, unit ? " " : "",
		unit ? unit : "", whose ? " " : "", whose ? whose : "");
}

static void put_ratio(char *text, struct spread s)
{
	text[0] = '\0';
	if (!is_empty(s))
		snprintf(text, TEXT, "%.2f (%.2f to %.2f)", s.median, s.low,
			s.high);
}

static void put_bound(char *text, const struct report_row *r)
{
	char number[TEXT / 2];

	text[0] = '\0';
	if (r->judged == JUDGE_NOTHING)
		return;
	put_number(number, r->at_most > 0 ? r->at_most : r->at_least);
	snprintf(text, TEXT, "%s %s", r->at_most > 0 ? "<=" : ">=", number);
}

static const char *verdict(const struct report_row *r)
{
	struct spread s = r->judged == JUDGE_RATIO ? r->ratio : r->ours;
	bool whole, median;

	if (r->judged == JUDGE_NOTHING)
		return "";
	if (r->at_most > 0) {
		whole = s.low > r->at_most;
		median = s.median > r->at_most;
	} else {
		whole = s.high < r->at_least;
		median = s.median < r->at_least;
	}
	if (!median)
		return "reached";
	if (whole || r->gates)
		missed++;
	return whole ? "missed" : r->gates ? "missed narrowly" : "unclear";
}

static void keep(const struct report_row *r, const char *result)
{
	fprintf(tsv,
		"row\t%s\t%s\t%.6g\t%.6g\t%.6g\t%s\t%.6g\t%.6g\t%.6g\t"
		"%.6g\t%.6g\t%.6g\t%s\n",
		r->what, r->unit ? r->unit : "", r->ours.median, r->ours.low,
		r->ours.high, r->beside ? r->beside : "", r->theirs.median,
		r->theirs.low, r->theirs.high, r->ratio.median, r->ratio.low,
		r->ratio.high, result);
	fflush(tsv);
}

void report_row(const struct report_row *r)
{
	char ours[TEXT], theirs[TEXT], ratio[TEXT], bound[TEXT];
	const char *result = verdict(r);

	put_figure(ours, r->ours, r->unit, NULL);
	put_figure(theirs, r->theirs, r->unit, r->beside);
	put_ratio(ratio, r->ratio);
	put_bound(bound, r);
	printf("%-54s %11s  %-22s %-21s %-8s %s\n", r->what, ours, theirs,
		ratio, bound, result);
	if (!r->is_detail)
		fprintf(md, "| %s | %s | %s | %s | %s | %s |\n", r->what, ours,
			theirs, ratio, bound, result);
	keep(r, result);
	fflush(stdout);
	fflush(md);
}

static struct spread spread_of_copy(const double *figures, size_t count)
{
	double *copy = calloc(count, sizeof(*copy));
	struct spread s;

	if (!copy)
		die_errno("memory");
	memcpy(copy, figures, count * sizeof(*copy));
	s = spread_of(copy, count);
	free(copy);
	return s;
}

void report_set_pairs(struct report_row *row, const double *ours,
	const double *theirs, size_t count, double factor)
{
	row->ours = spread_scaled(spread_of_copy(ours, count), factor);
	row->theirs = spread_scaled(spread_of_copy(theirs, count), factor);
	row->ratio = spread_of_ratios(ours, theirs, count);
}

void report_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("  ", stdout);
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
	va_end(args);
}

size_t report_missed(void)
{
	return missed;
}

/* ---- charts */

void report_point(
	const char *chart, const char *line, double x, struct spread y)
{
	fprintf(tsv, "point\t%s\t%s\t%.6g\t%.6g\t%.6g\t%.6g\n", chart, line, x,
		y.median, y.low, y.high);
	fflush(tsv);
}

void report_end(const char *folder)
{
	FILE *f = open_in(folder, "figures.tsv", "re");
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		struct chart_point p;

		if (sscanf(line,
			    "point\t%63[^\t]\t%63[^\t]\t%lf\t%lf\t%lf\t%lf",
			    p.chart, p.line, &p.x, &p.y, &p.low, &p.high) == 6)
			chart_add(&p);
	}
	fclose(f);
	chart_draw_all(folder);
}
