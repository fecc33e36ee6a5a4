/* The format of metrics, byte by byte; and of what reads them in tests. */
#include "tests/lib/test.h"

#include <string.h>

#include "common/metrics.h"
#include "tests/lib/scrape.h"

static struct scrape scrape;

static void expect_text(struct buffer *b, const char *expected)
{
	assert_false(b->failed);
	buffer_add_byte(b, '\0');
	assert_string_equal(b->data, expected);
	buffer_release(b);
}

static void a_metric_has_its_help_its_type_and_its_samples(void **state)
{
	static const struct metrics_label labels[] = {
		{ "pid", "17" },
		{ "source", "access.log" },
	};
	struct buffer b = BUFFER_INIT;

	(void)state;
	metrics_begin(&b, "a_total", METRICS_COUNTER, "Of all: what there is.");
	metrics_add(&b, "a_total", labels, 2, 0);
	metrics_add(&b, "a_total", labels, 1, UINT64_MAX);
	metrics_begin(&b, "b_bytes", METRICS_GAUGE, "B.");
	metrics_add(&b, "b_bytes", NULL, 0, 7);
	expect_text(&b, "# HELP a_total Of all: what there is.\n"
			"# TYPE a_total counter\n"
			"a_total{pid=\"17\",source=\"access.log\"} 0\n"
			"a_total{pid=\"17\"} 18446744073709551615\n"
			"# HELP b_bytes B.\n"
			"# TYPE b_bytes gauge\n"
			"b_bytes 7\n");
}

static void what_would_end_a_line_or_a_label_is_escaped(void **state)
{
	static const struct {
		const char *text, *in_label, *in_help;
	} rows[] = {
		{ "", "", "" },
		{ "plain", "plain", "plain" },
		{ "\"", "\\\"", "\"" },
		{ "\\", "\\\\", "\\\\" },
		{ "\n", "\\n", "\\n" },
		{ "\\n", "\\\\n", "\\\\n" },
		{ "a\\\"\nb", "a\\\\\\\"\\nb", "a\\\\\"\\nb" },
		{ "{x=\"1\"} 5 # TYPE", "{x=\\\"1\\\"} 5 # TYPE",
			"{x=\"1\"} 5 # TYPE" },
		{ "\xc3\xbc\r\t\x01", "\xc3\xbc\r\t\x01", "\xc3\xbc\r\t\x01" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct metrics_label label = { "l", rows[i].text };
		struct buffer b = BUFFER_INIT;
		char expected[200] = "";

		metrics_begin(&b, "m", METRICS_GAUGE, rows[i].text);
		metrics_add(&b, "m", &label, 1, 1);
		strcat(strcpy(expected, "# HELP m "), rows[i].in_help);
		strcat(expected, "\n# TYPE m gauge\nm{l=\"");
		strcat(strcat(expected, rows[i].in_label), "\"} 1\n");
		expect_text(&b, expected);
	}
}

#define HEAD	"# HELP a A.\n# TYPE a gauge\n"
#define COUNTER "# HELP a_total A.\n# TYPE a_total counter\n"

static void the_judge_finds_what_is_wrong(void **state)
{
	static const char *const bad[] = {
		"a 1\n",
		"\n",
		"# A\n",
		"# HELP a\n",
		"# HELP a \n",
		"# HELP A A.\n",
		"# HELP a A\\.\n",
		"# TYPE a gauge\n",
		"# HELP a A.\na 1\n",
		"# HELP a A.\n# TYPE b gauge\n",
		"# HELP a A.\n# TYPE a histogram\n",
		"# HELP a A.\n# TYPE a counter\n",
		"# HELP a_total A.\n# TYPE a_total gauge\n",
		HEAD "# TYPE a gauge\n",
		HEAD "# HELP a A.\n",
		HEAD "b 1\n",
		HEAD "aa 1\n",
		HEAD "a\n",
		HEAD "a \n",
		HEAD "a  1\n",
		HEAD "a 1 \n",
		HEAD "a -1\n",
		HEAD "a 1.5\n",
		HEAD "a 1",
		HEAD "a{} 1\n",
		HEAD "a{b} 1\n",
		HEAD "a{b=1} 1\n",
		HEAD "a{b=\"1} 1\n",
		HEAD "a{b=\"1\" 1\n",
		HEAD "a{b=\"1\",} 1\n",
		HEAD "a{b=\"1\"}1\n",
		HEAD "a{b=\"\\x\"} 1\n",
		HEAD "a{1b=\"1\"} 1\n",
		HEAD "a 1\na 1\n",
		HEAD "a{b=\"1\"} 1\na{b=\"1\"} 2\n",
		HEAD "a 1\n" COUNTER "a_total 1\n" HEAD,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!scrape_read(&scrape, bad[i]))
			fail_msg("nothing is wrong with '%s'", bad[i]);
	assert_null(scrape_read(&scrape, ""));
	assert_null(scrape_read(&scrape,
		HEAD "a 1\na{b=\"\\\"}\\\\\",c=\"\"} 22\n" COUNTER
		     "a_total{b=\"x\"} 3\n"));
	assert_int_equal(scrape.count, 3);
	assert_int_equal(scrape_value(&scrape, "a", "c=\"\""), 22);
	assert_int_equal(scrape_value(&scrape, "a_total", ""), 3);
	assert_int_equal(scrape_count(&scrape, "a", ""), 2);
	assert_int_equal(scrape_count(&scrape, "a", "c=\"1\""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_metric_has_its_help_its_type_and_its_samples),
		cmocka_unit_test(what_would_end_a_line_or_a_label_is_escaped),
		cmocka_unit_test(the_judge_finds_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
