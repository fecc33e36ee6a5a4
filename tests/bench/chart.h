/*
 * chart: lines over a logarithmic axis, as SVG that any browser shows.
 */
#ifndef SSETAIL_BENCH_CHART_H
#define SSETAIL_BENCH_CHART_H

#define CHART_NAME 64

struct chart_point {
	char chart[CHART_NAME]; /* its title; the file's name is made of it */
	char line[CHART_NAME];
	double x, y;
	double low, high; /* the interval of y */
};

/* The points of a line come in the order of x. */
void chart_add(const struct chart_point *p);

/* One file for each chart. */
void chart_draw_all(const char *folder);

#endif
