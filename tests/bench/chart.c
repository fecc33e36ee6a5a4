#include "tests/bench/chart.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/die.h"

enum {
	POINTS_MAX = 512,
	LINES_MAX = 8,
	WIDTH = 760,
	HEIGHT = 440,
	LEFT = 70,
	RIGHT = 180, /* the lines' names */
	TOP = 44,
	BOTTOM = 48,
};

/* Told apart by those who see colours otherwise, too (Okabe and Ito). */
static const char *const colours[LINES_MAX] = { "#0072b2", "#d55e00", "#009e73",
	"#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999" };

static struct chart_point points[POINTS_MAX];
static size_t point_count;

void chart_add(const struct chart_point *p)
{
	if (point_count == POINTS_MAX)
		die("more than %d points", POINTS_MAX);
	points[point_count++] = *p;
}

/* ---- scales: both logarithmic, whole decades */

struct scale {
	double low, high; /* exponents of ten */
	double from, to;  /* where they are drawn */
};

static double place(const struct scale *s, double value)
{
	return s->from +
	       (log10(value) - s->low) / (s->high - s->low) * (s->to - s->from);
}

static void widen(struct scale *s, double value)
{
	if (value <= 0)
		return;
	s->low = fmin(s->low, floor(log10(value)));
	s->high = fmax(s->high, ceil(log10(value)));
}

static void put_decade(char *text, size_t room, double exponent)
{
	static const char *const units[] = { "", "k", "M", "G" };
	int thousands = (int)floor(exponent / 3);

	if (thousands < 0 || thousands > 3)
		snprintf(text, room, "%g", pow(10, exponent));
	else
		snprintf(text, room, "%g%s", pow(10, exponent - 3 * thousands),
			units[thousands]);
}

static void draw_axes(FILE *f, const struct scale *x, const struct scale *y)
{
	char text[32];

	for (double e = x->low; e <= x->high; e++) {
		double at = place(x, pow(10, e));

		put_decade(text, sizeof(text), e);
		fprintf(f,
			"<path class='grid' d='M%.1f %.1fV%.1f'/>"
			"<text x='%.1f' y='%.1f' text-anchor='middle'>%s"
			"</text>\n",
			at, y->from, y->to, at, y->from + 18, text);
	}
	for (double e = y->low; e <= y->high; e++) {
		double at = place(y, pow(10, e));

		put_decade(text, sizeof(text), e);
		fprintf(f,
			"<path class='grid' d='M%.1f %.1fH%.1f'/>"
			"<text x='%.1f' y='%.1f' text-anchor='end'>%s</text>\n",
			x->from, at, x->to, x->from - 8, at + 4, text);
	}
}

/* ---- lines */

static void draw_line(FILE *f, const char *chart, const char *line,
	const char *colour, const struct scale *x, const struct scale *y,
	double name_y)
{
	const char *step = "M";

	fprintf(f, "<g stroke='%s' fill='%s'><path fill='none' d='", colour,
		colour);
	for (size_t i = 0; i < point_count; i++) {
		const struct chart_point *p = &points[i];

		if (strcmp(p->chart, chart) != 0 || strcmp(p->line, line) != 0)
			continue;
		fprintf(f, "%s%.1f %.1f", step, place(x, p->x), place(y, p->y));
		step = "L";
	}
	fprintf(f, "' stroke-width='2'/>\n");
	for (size_t i = 0; i < point_count; i++) {
		const struct chart_point *p = &points[i];

		if (strcmp(p->chart, chart) != 0 || strcmp(p->line, line) != 0)
			continue;
		fprintf(f,
			"<path d='M%.1f %.1fV%.1f'/>"
			"<circle cx='%.1f' cy='%.1f' r='3'/>\n",
			place(x, p->x), place(y, p->low), place(y, p->high),
			place(x, p->x), place(y, p->y));
	}
	fprintf(f,
		"<path d='M%d %.1fh16' stroke-width='2'/>"
		"<text stroke='none' fill='#222' x='%d' "
		"y='%.1f'>%s</text></g>\n",
		WIDTH - RIGHT + 14, name_y, WIDTH - RIGHT + 36, name_y + 4,
		line);
}

static void draw_lines(FILE *f, const char *chart, const struct scale *x,
	const struct scale *y)
{
	const char *drawn[LINES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < point_count; i++) {
		const struct chart_point *p = &points[i];
		size_t j = 0;

		if (strcmp(p->chart, chart) != 0)
			continue;
		while (j < count && strcmp(drawn[j], p->line) != 0)
			j++;
		if (j < count || count == LINES_MAX)
			continue;
		drawn[count] = p->line;
		draw_line(f, chart, p->line, colours[count], x, y,
			TOP + 10 + 22 * (double)count);
		count++;
	}
}

/* ---- a chart */

/* "Scaling: x" gives "scaling-x.svg". */
static FILE *create(const char *folder, const char *chart)
{
	char name[CHART_NAME], path[256];
	size_t len = 0;
	FILE *f;

	for (const char *p = chart; *p; p++)
		if (isalnum((unsigned char)*p))
			name[len++] = (char)tolower((unsigned char)*p);
		else if (len && name[len - 1] != '-')
			name[len++] = '-';
	name[len] = '\0';
	snprintf(path, sizeof(path), "%s/%s.svg", folder, name);
	f = fopen(path, "we");
	if (!f)
		die_errno("%s", path);
	printf("chart: %s\n", path);
	return f;
}

static void draw(const char *folder, const char *chart)
{
	struct scale x = { INFINITY, -INFINITY, LEFT, WIDTH - RIGHT };
	struct scale y = { INFINITY, -INFINITY, HEIGHT - BOTTOM, TOP };
	FILE *f = create(folder, chart);

	for (size_t i = 0; i < point_count; i++) {
		if (strcmp(points[i].chart, chart) != 0)
			continue;
		widen(&x, points[i].x);
		widen(&y, points[i].low);
		widen(&y, points[i].high);
	}
	x.high += x.high == x.low;
	y.high += y.high == y.low;
	fprintf(f,
		"<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d'"
		" font-family='sans-serif' font-size='12'>\n"
		"<style>.grid{stroke:#ddd}</style>\n"
		"<rect width='100%%' height='100%%' fill='#fff'/>\n"
		"<text x='%d' y='24' font-size='15'>%s</text>\n"
		"<text x='%d' y='%d' text-anchor='middle'>clients</text>\n",
		WIDTH, HEIGHT, LEFT, chart, (LEFT + WIDTH - RIGHT) / 2,
		HEIGHT - 8);
	draw_axes(f, &x, &y);
	draw_lines(f, chart, &x, &y);
	fputs("</svg>\n", f);
	if (fclose(f))
		die_errno("%s", chart);
}

void chart_draw_all(const char *folder)
{
	for (size_t i = 0; i < point_count; i++) {
		size_t j = 0;

		while (strcmp(points[j].chart, points[i].chart) != 0)
			j++;
		if (j == i)
			draw(folder, points[i].chart);
	}
}
