#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "common/request.h"

static const char *query; /* of the request, behind "doctor=judge&" */

static const char *variable(const void *unused, const char *name)
{
	static char text[REQUEST_QUERY_MAX + 64];

	(void)unused;
	if (strcmp(name, "REQUEST_METHOD") == 0)
		return "GET";
	if (strcmp(name, "QUERY_STRING") != 0)
		return NULL;
	snprintf(text, sizeof(text), "doctor=judge&%s", query);
	return text;
}

static enum request_outcome read_query(struct request *r, const char *text)
{
	query = text;
	return request_read(r, variable, NULL);
}

static void reads_all_there_is(void **state)
{
	const struct measurement *m;
	struct request r;

	(void)state;
	assert_int_equal(
		read_query(&r,
			"status=200&plain=501&first=12&busy=3&length=77&age=9&"
			"resume=4&protocol=h2&type=text%2Fevent-stream&"
			"cache=no-store,+no-cache&encoding=gzip&server=nginx&"
			"via=1.1+cache&pace1=0:0,61:62&pace3=0:5&"
			"hold1=0:3,7:3000&hold2=1:2&quiet1=cut:9000:3000&"
			"quiet2=done&number=12&other=x"),
		REQUEST_OK);
	m = &r.measurement;
	assert_int_equal(r.doctor, REQUEST_DOCTOR_JUDGE);
	assert_int_equal(m->status, 200);
	assert_int_equal(m->plain, 501);
	assert_true(m->has_first);
	assert_int_equal(m->first_ms, 12);
	assert_int_equal(m->busy, 3);
	assert_int_equal(m->length, 77);
	assert_int_equal(m->age, 9);
	assert_int_equal(m->resume, 4);
	assert_string_equal(m->protocol, "h2");
	assert_string_equal(m->type, "text/event-stream");
	assert_string_equal(m->cache, "no-store, no-cache");
	assert_string_equal(m->encoding, "gzip");
	assert_string_equal(m->server, "nginx");
	assert_string_equal(m->via, "1.1 cache");
	assert_int_equal(m->pace[0].count, 2);
	assert_int_equal(m->pace[0].events[1].sent_ms, 61);
	assert_int_equal(m->pace[0].events[1].arrived_ms, 62);
	assert_int_equal(m->pace[1].count, 0);
	assert_int_equal(m->pace[2].count, 1);
	assert_int_equal(m->pace[2].events[0].arrived_ms, 5);
	assert_int_equal(m->hold[0].count, 2);
	assert_int_equal(m->hold[0].streams[1].queued_ms, 7);
	assert_int_equal(m->hold[0].streams[1].first_ms, 3000);
	assert_int_equal(m->hold[1].count, 1);
	assert_int_equal(m->quiet[0].end, END_CUT);
	assert_int_equal(m->quiet[0].after_ms, 9000);
	assert_int_equal(m->quiet[0].silent_ms, 3000);
	assert_int_equal(m->quiet[1].end, END_DONE);
}

static void the_status_is_enough(void **state)
{
	struct request r;

	(void)state;
	assert_int_equal(read_query(&r, "status=0"), REQUEST_OK);
	assert_false(r.measurement.has_first);
	assert_int_equal(read_query(&r, "first=1"), REQUEST_MALFORMED);
	assert_int_equal(read_query(&r, ""), REQUEST_MALFORMED);
}

#define HUNDRED                                                                \
	"0123456789012345678901234567890123456789"                             \
	"0123456789012345678901234567890123456789"                             \
	"01234567890123456789"

static void what_is_none_is_malformed(void **state)
{
	static const char *const bad[] = { "status=", "status=-1",
		"status=2 00", "status=0x10", "status=10000000",
		"status=99999999999999999999", "status=200%00",
		"first=", "first=1.5", "pace1=", "pace1=1",
		"pace1=1:", "pace1=:1", "pace1=1:2:3", "pace1=1:2,",
		"pace1=,1:2", "pace1=1:2,,3:4", "pace1=a:b", "pace1=1:2%00",
		"pace1=1:10000000", "hold1=", "hold1=1", "hold1=1:2,3",
		"quiet1=", "quiet1=Done", "quiet1=cut",
		"quiet1=cut:", "quiet1=cut:1",
		"quiet1=cut:1:", "quiet1=cut:1:2:3", "quiet1=cut:1:x",
		"quiet1=done%00", "type=a%0Ab", "type=%7f", "type=%00",
		"server=" HUNDRED "1" };
	struct request r;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		bool has_status = strncmp(bad[i], "status=", 7) == 0;

		snprintf(text, sizeof(text), "%s%s",
			has_status ? "" : "status=200&", bad[i]);
		if (read_query(&r, text) != REQUEST_MALFORMED)
			fail_msg("%s was taken", text);
	}
	assert_int_equal(
		read_query(&r, "status=9999999&server=" HUNDRED), REQUEST_OK);
	assert_string_equal(r.measurement.server, HUNDRED);
}

/* `count` pairs. */
static void expect_list(
	const char *name, size_t count, enum request_outcome expected)
{
	char text[4096];
	struct request r;
	size_t len =
		(size_t)snprintf(text, sizeof(text), "status=200&%s=", name);

	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"%s%zu:1", i > 0 ? "," : "", i);
	assert_int_equal(read_query(&r, text), expected);
}

static void a_list_has_its_limit(void **state)
{
	(void)state;
	expect_list("pace2", BEAT_PACE_EVENTS, REQUEST_OK);
	expect_list("pace2", BEAT_PACE_EVENTS + 1, REQUEST_MALFORMED);
	expect_list("hold2", MEASUREMENT_STREAMS, REQUEST_OK);
	expect_list("hold2", MEASUREMENT_STREAMS + 1, REQUEST_MALFORMED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_there_is),
		cmocka_unit_test(the_status_is_enough),
		cmocka_unit_test(what_is_none_is_malformed),
		cmocka_unit_test(a_list_has_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
