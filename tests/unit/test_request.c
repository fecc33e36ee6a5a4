/* What is asked for, by browsers, by the servers between, and with intent. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/request.h"

#define LETTERS_AND_DIGITS                                                     \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* CGI variables; NULL: not there. */
struct variables {
	const char *method, *path, *query, *script, *accept, *id;
	const char *address, *user, *auth_type;
	const char *origin, *asked_method;
	const char *software;
};

static const char *variable(const void *context, const char *name)
{
	const struct variables *v = context;

	if (strcmp(name, "REQUEST_METHOD") == 0)
		return v->method;
	if (strcmp(name, "PATH_INFO") == 0)
		return v->path;
	if (strcmp(name, "QUERY_STRING") == 0)
		return v->query;
	if (strcmp(name, "SCRIPT_NAME") == 0)
		return v->script;
	if (strcmp(name, "HTTP_ACCEPT") == 0)
		return v->accept;
	if (strcmp(name, "HTTP_LAST_EVENT_ID") == 0)
		return v->id;
	if (strcmp(name, "REMOTE_ADDR") == 0)
		return v->address;
	if (strcmp(name, "REMOTE_USER") == 0)
		return v->user;
	if (strcmp(name, "AUTH_TYPE") == 0)
		return v->auth_type;
	if (strcmp(name, "HTTP_ORIGIN") == 0)
		return v->origin;
	if (strcmp(name, "HTTP_ACCESS_CONTROL_REQUEST_METHOD") == 0)
		return v->asked_method;
	if (strcmp(name, "SERVER_SOFTWARE") == 0)
		return v->software;
	return NULL;
}

static enum request_outcome read_variables(
	struct request *r, struct variables v)
{
	if (v.method == NULL)
		v.method = "GET";
	memset(r, 0x5a, sizeof(*r));
	return request_read(r, variable, &v);
}

static enum request_outcome read_path(struct request *r, const char *path)
{
	return read_variables(
		r, (struct variables){ .path = path, .script = "/stream" });
}

static enum request_outcome read_query(struct request *r, const char *query)
{
	return read_variables(
		r, (struct variables){ .query = query, .script = "/stream" });
}

/* The names joined by commas. */
static const char *names_of(const struct request *r, char *out)
{
	char *to = out;

	for (size_t i = 0; i < r->source_count; i++) {
		if (i > 0)
			*to++ = ',';
		to = stpcpy(to, r->source[i]);
	}
	*to = '\0';
	return out;
}

struct row {
	int line;
	const char *asked;
	enum request_outcome outcome;
	const char *names; /* after REQUEST_OK */
};

#define OK(asked, names)                                                       \
	{                                                                      \
		__LINE__, asked, REQUEST_OK, names                             \
	}
#define MALFORMED(asked)                                                       \
	{                                                                      \
		__LINE__, asked, REQUEST_MALFORMED, NULL                       \
	}
#define NO_SOURCE(asked)                                                       \
	{                                                                      \
		__LINE__, asked, REQUEST_NO_SOURCE, NULL                       \
	}
#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static void check_row(const struct row *row,
	enum request_outcome (*read)(struct request *, const char *))
{
	struct request r;
	char names[REQUEST_NAMES_MAX + 1];
	enum request_outcome outcome = read(&r, row->asked);

	if (outcome != row->outcome)
		fail_msg("row of line %d: outcome %d", row->line, outcome);
	assert_int_equal(r.method, REQUEST_GET);
	if (outcome == REQUEST_OK &&
		strcmp(names_of(&r, names), row->names) != 0)
		fail_msg("row of line %d: '%s'", row->line, names);
}

#define S16 "1234567890123456"
#define S64 S16 S16 S16 S16

static void takes_names_from_the_path(void **state)
{
	static const struct row rows[] = {
		OK(NULL, ""),
		OK("", ""),
		OK("/", ""),
		OK("//", ""),
		OK("/access", "access"),
		OK("access", "access"),
		OK("/access/", "access"),
		OK("/access//", "access"),
		OK("/Access_2.log-x", "Access_2.log-x"),
		OK("/a,b", "a,b"),
		OK("/b,a,c", "b,a,c"),
		OK("/...", "..."),
		OK("/a..b", "a..b"),
		OK("/.ht", ".ht"),
		OK("/" S64, S64),
		OK("/1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
			"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"),

		/* the whole path */
		OK("/stream/access", "access"),
		OK("/over/there/stream/a,b/", "a,b"),
		OK("/gr\xc3\xbc\xc3\x9f/with blank/access", "access"),

		/* what cannot be a name */
		NO_SOURCE("/" S64 "5"),
		NO_SOURCE("/a b"),
		NO_SOURCE("/a:b"),
		NO_SOURCE("/a+b"),
		NO_SOURCE("/gr\xc3\xbc\xc3\x9f"),
		NO_SOURCE("/,"),
		NO_SOURCE("/a,"),
		NO_SOURCE("/,a"),
		NO_SOURCE("/a,,b"),
		NO_SOURCE("/a,../b,c d"),

		/* what means harm */
		NO_SOURCE("/."),
		NO_SOURCE("/.."),
		NO_SOURCE("/../"),
		NO_SOURCE("/../access"),
		NO_SOURCE("/access/.."),
		NO_SOURCE("/access/../../etc/passwd"),
		NO_SOURCE("/./access"),
		NO_SOURCE("/a,.."),
		NO_SOURCE("/..\\access"),
		NO_SOURCE("/x\\y/access"),
		NO_SOURCE("/%2e%2e/access"),
		NO_SOURCE("/%61ccess"),
		NO_SOURCE("/access%00"),
		NO_SOURCE("/access\001"), /* a NUL, as admit.h has it */
		NO_SOURCE("/\001/access"),
		NO_SOURCE("/access\r\nSet-Cookie: a"),
		NO_SOURCE("/access\x7f"),
		NO_SOURCE("/\xc0\xae\xc0\xae/access"),
		NO_SOURCE("/\xc0\xaf"
			  "access"),
		NO_SOURCE("/access\xff"),

		MALFORMED("/a,a"),
		MALFORMED("/a,b,a"),
		MALFORMED("/1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_row(&rows[i], read_path);
}

static void takes_names_from_the_query(void **state)
{
	static const struct row rows[] = {
		OK(NULL, ""),
		OK("", ""),
		OK("source=access", "access"),
		OK("source=a,b", "a,b"),
		OK("source=a%2Cb", "a,b"),
		OK("source=a%2cb", "a,b"),
		OK("%73ource=%61cces%73", "access"),
		OK("x=1&source=a&y", "a"),
		OK("&&source=a&", "a"),
		OK("Source=a", ""),
		OK("sources=a", ""),
		OK("=", ""),
		OK("a%00b=%ff%fe", ""),

		NO_SOURCE("source"),
		NO_SOURCE("source="),
		NO_SOURCE("source=/a"),
		NO_SOURCE("source=/etc/passwd"),
		NO_SOURCE("source=../a"),
		NO_SOURCE("source=.."),
		NO_SOURCE("source=%2e%2e"),
		NO_SOURCE("source=a%00"),
		NO_SOURCE("source=%00"),
		NO_SOURCE("source=a\\b"),
		NO_SOURCE("source=a%5Cb"),
		NO_SOURCE("source=%c0%ae%c0%ae"),
		NO_SOURCE("source=a%252e"), /* decoded once */
		NO_SOURCE("source=a+b"),
		NO_SOURCE("source=a=b"),
		NO_SOURCE("source=a%26b"),
		NO_SOURCE("source=a%0d%0ab"),
		NO_SOURCE("source=" S64 "5"),

		MALFORMED("source=a,a"),
		MALFORMED("source=a&source=b"),
		MALFORMED("source=a&source=a"),
		MALFORMED("source=a&sourc%65=b"),
		MALFORMED("x=1&x=2"),
		MALFORMED("x&x"),
		MALFORMED("=&="),
		MALFORMED("%"),
		MALFORMED("x=%"),
		MALFORMED("x=%4"),
		MALFORMED("x=%4g"),
		MALFORMED("x=%g4"),
		MALFORMED("x=%%41"),
		MALFORMED("x=% 41"),
		MALFORMED("%=x"),
		MALFORMED("x=%4&y"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_row(&rows[i], read_query);
}

static void the_path_comes_before_the_query(void **state)
{
	struct request r;
	char names[REQUEST_NAMES_MAX + 1];

	(void)state;
	assert_int_equal(
		read_variables(&r, (struct variables){ .path = "/access",
					   .query = "source=../other" }),
		REQUEST_OK);
	assert_string_equal(names_of(&r, names), "access");
	assert_int_equal(read_variables(&r, (struct variables){ .path = "/",
						    .query = "source=a" }),
		REQUEST_OK);
	assert_string_equal(names_of(&r, names), "a");
}

static void keeps_a_query_within_its_limits(void **state)
{
	char query[65536];
	struct request r;

	(void)state;
	memset(query, 'x', sizeof(query));
	query[REQUEST_QUERY_MAX] = '\0';
	assert_int_equal(read_query(&r, query), REQUEST_OK);
	query[REQUEST_QUERY_MAX] = 'x';
	query[REQUEST_QUERY_MAX + 1] = '\0';
	assert_int_equal(read_query(&r, query), REQUEST_MALFORMED);
	query[REQUEST_QUERY_MAX + 1] = 'x';
	query[sizeof(query) - 1] = '\0';
	assert_int_equal(read_query(&r, query), REQUEST_MALFORMED);

	/* unknown parameters, each of another name */
	char *to = query;
	for (int i = 0; i < REQUEST_PARAMS_MAX; i++) {
		*to++ = (char)('A' + i % 26);
		*to++ = (char)('A' + i / 26);
		*to++ = '&';
	}
	*to = '\0';
	assert_int_equal(read_query(&r, query), REQUEST_OK);
	strcpy(to, "&&&"); /* nothing is no parameter */
	assert_int_equal(read_query(&r, query), REQUEST_OK);
	strcpy(to, "one=more");
	assert_int_equal(read_query(&r, query), REQUEST_MALFORMED);
}

static void knows_the_methods_it_answers(void **state)
{
	static const struct {
		const char *name;
		enum request_method method;
	} cases[] = {
		{ "GET", REQUEST_GET },
		{ "HEAD", REQUEST_HEAD },
		{ "OPTIONS", REQUEST_OPTIONS },
		{ "POST", REQUEST_OTHER },
		{ "PUT", REQUEST_OTHER },
		{ "get", REQUEST_OTHER },
		{ "GETS", REQUEST_OTHER },
		{ "", REQUEST_NO_METHOD },
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		/* also of what is otherwise refused */
		read_variables(&r, (struct variables){ .method = cases[i].name,
					   .query = "%" });
		assert_int_equal(r.method, cases[i].method);
		assert_int_equal(
			read_variables(&r,
				(struct variables){ .method = cases[i].name }),
			cases[i].method == REQUEST_NO_METHOD ? REQUEST_MALFORMED
							     : REQUEST_OK);
		assert_int_equal(r.method, cases[i].method);
	}
}

static void nothing_at_all_is_no_crash(void **state)
{
	static const struct variables none;
	struct request r;

	(void)state;
	assert_int_equal(request_read(&r, variable, &none), REQUEST_MALFORMED);
	assert_int_equal(r.method, REQUEST_NO_METHOD);
	assert_int_equal(r.source_count, 0);
	assert_string_equal(r.script_name_segment, "");
	assert_false(r.wants_html);
	assert_false(r.id_given);
	assert_string_equal(r.id, "");
	assert_false(r.tail_given);
}

#define ID60  "3f9a1c04e8d21f06b77aa4c2f.~_ABCDEFGHIJKLMNOPQRSTUVWXYZ-12345"
#define ID255 ID60 ID60 ID60 ID60 "123456789012345"

static void takes_the_resume_point_from_where_it_is_given(void **state)
{
	static const struct {
		const char *header, *query;
		bool given;
		const char *id;
	} cases[] = {
		{ NULL, NULL, false, "" },
		{ "", NULL, false, "" },
		{ "3f9a", NULL, true, "3f9a" },
		{ NULL, "lastEventId=3f9a", true, "3f9a" },
		{ NULL, "last_event_id=3f9a", true, "3f9a" },
		{ NULL, "evs_last_event_id=3f9a", true, "3f9a" },
		{ NULL, "lastEventID=3f9a", false, "" },
		{ NULL, "lastEventId=", false, "" },
		{ NULL, "lastEventId", false, "" },

		/* the header wins, then the first of them that says anything */
		{ "a", "lastEventId=b", true, "a" },
		{ "", "lastEventId=b", true, "b" },
		{ NULL, "evs_last_event_id=c&last_event_id=b&lastEventId=a",
			true, "a" },
		{ NULL, "evs_last_event_id=c&last_event_id=b&lastEventId=",
			true, "b" },

		/* ours and what cannot be */
		{ ID255, NULL, true, ID255 },
		{ ID255 "0", NULL, true, "" },
		{ NULL, "lastEventId=" ID255 "0", true, "" },
		{ "3f9a-1.7~_Z", NULL, true, "3f9a-1.7~_Z" },
		{ "a b", NULL, true, "a b" },
		{ " ", NULL, true, " " },
		{ "a\r\nb", NULL, true, "" },
		{ "<script>", NULL, true, "<script>" },
		{ "\xc3\xbc", NULL, true, "\xc3\xbc" },
		{ NULL, "lastEventId=3f9a%0d%0aid", true, "" },
		{ NULL, "lastEventId=3f9a%00", true, "" },
		{ NULL, "lastEventId=%00", true, "" },
		{ NULL, "lastEventId=3f9a+1", true, "3f9a 1" },
		{ NULL, "lastEventId=3f9a%2D1", true, "3f9a-1" },

		/* one that is no good is not made good by another */
		{ "a\nb", "lastEventId=3f9a", true, "" },
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(read_variables(&r,
					 (struct variables){ .path = "/access",
						 .query = cases[i].query,
						 .id = cases[i].header }),
			REQUEST_OK);
		assert_int_equal(r.id_given, cases[i].given);
		assert_string_equal(r.id, cases[i].id);
	}
}

static void metrics_are_asked_for_by_a_parameter(void **state)
{
	static const struct {
		const char *query;
		bool wanted;
	} cases[] = {
		{ "metrics", true },
		{ "metrics=", true },
		{ "metrics=1", true },
		{ "source=a&metrics", true },
		{ "%6detrics", true },
		{ "", false },
		{ "source=metrics", false },
		{ "Metrics", false },
		{ "metrics2", false },
		{ "x=metrics", false },
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(read_query(&r, cases[i].query), REQUEST_OK);
		if (r.wants_metrics != cases[i].wanted)
			fail_msg("?%s", cases[i].query);
	}
	assert_int_equal(read_query(&r, "metrics&metrics"), REQUEST_MALFORMED);
	assert_int_equal(read_path(&r, "/metrics"), REQUEST_OK);
	assert_false(r.wants_metrics);
}

static void before_is_an_id_or_one_that_cannot_be(void **state)
{
	static const struct {
		const char *query;
		enum request_outcome outcome;
		bool given;
		const char *before;
	} cases[] = {
		{ "x=1", REQUEST_OK, false, "" },
		{ "before=" S64, REQUEST_OK, true, S64 },
		{ "before=a-1.2%7e_", REQUEST_OK, true, "a-1.2~_" },
		{ "before=a+b", REQUEST_OK, true, "a b" },
		{ "before=%00", REQUEST_OK, true, "" },
		{ "before=a%0ab", REQUEST_OK, true, "" },
		{ "before=%3Cb%3E", REQUEST_OK, true, "<b>" },
		{ "before=" S64 S64 S64 S64, REQUEST_OK, true, "" },
		{ "before=1&lastEventId=2", REQUEST_OK, true, "1" },
		{ "before", REQUEST_MALFORMED, false, "" },
		{ "before=", REQUEST_MALFORMED, false, "" },
		{ "before=1&before=1", REQUEST_MALFORMED, false, "" },
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(
			read_query(&r, cases[i].query), cases[i].outcome);
		if (cases[i].outcome != REQUEST_OK)
			continue;
		assert_int_equal(r.before_given, cases[i].given);
		assert_string_equal(r.before, cases[i].before);
	}
}

static void the_worker_is_asked_for_by_a_parameter(void **state)
{
	struct request r;

	(void)state;
	assert_int_equal(read_query(&r, "worker"), REQUEST_OK);
	assert_true(r.wants_worker);
	assert_int_equal(read_query(&r, "x=1&worker=1.0"), REQUEST_OK);
	assert_true(r.wants_worker);
	assert_int_equal(read_query(&r, "workers"), REQUEST_OK);
	assert_false(r.wants_worker);
}

static void the_doctor_is_asked_for_by_a_parameter(void **state)
{
	static const struct {
		const char *query;
		enum request_outcome outcome;
		enum request_doctor doctor;
		enum beat beat;
		bool is_plain;
	} cases[] = {
		{ "", REQUEST_OK, REQUEST_NO_DOCTOR, 0, false },
		{ "doctors", REQUEST_OK, REQUEST_NO_DOCTOR, 0, false },
		{ "source=doctor", REQUEST_OK, REQUEST_NO_DOCTOR, 0, false },
		{ "doctor", REQUEST_OK, REQUEST_DOCTOR_PAGE, 0, false },
		{ "doctor=", REQUEST_OK, REQUEST_DOCTOR_PAGE, 0, false },
		{ "doctor=pace", REQUEST_OK, REQUEST_DOCTOR_STREAM, BEAT_PACE,
			false },
		{ "doctor=hold&plain", REQUEST_OK, REQUEST_DOCTOR_STREAM,
			BEAT_HOLD, true },
		{ "doctor=quiet&plain=1", REQUEST_OK, REQUEST_DOCTOR_STREAM,
			BEAT_QUIET, true },
		/* To others it is nothing that is known. */
		{ "plain", REQUEST_OK, REQUEST_NO_DOCTOR, 0, false },
		{ "doctor=hol", REQUEST_MALFORMED, 0, 0, false },
		{ "doctor=hold2", REQUEST_MALFORMED, 0, 0, false },
		{ "doctor=1", REQUEST_MALFORMED, 0, 0, false },
		{ "doctor=pace&doctor=pace", REQUEST_MALFORMED, 0, 0, false },
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(
			read_query(&r, cases[i].query), cases[i].outcome);
		if (cases[i].outcome != REQUEST_OK)
			continue;
		assert_int_equal(r.doctor, cases[i].doctor);
		assert_int_equal(r.beat, cases[i].beat);
		assert_int_equal(r.is_plain, cases[i].is_plain);
	}
}

static void a_tail_is_a_decimal_number(void **state)
{
	static const struct {
		const char *query;
		enum request_outcome outcome;
		bool given;
		uint32_t tail;
	} cases[] = {
		{ "x=1", REQUEST_OK, false, 0 },
		{ "tail=0", REQUEST_OK, true, 0 },
		{ "tail=10", REQUEST_OK, true, 10 },
		{ "tail=%31%30", REQUEST_OK, true, 10 },
		{ "tail=007", REQUEST_OK, true, 7 },
		{ "tail=4294967295", REQUEST_OK, true, UINT32_MAX },
		{ "tail=4294967296", REQUEST_OK, true, UINT32_MAX },
		{ "tail=99999999999999999999999999", REQUEST_OK, true,
			UINT32_MAX },
		{ "tail", REQUEST_MALFORMED, false, 0 },
		{ "tail=", REQUEST_MALFORMED, false, 0 },
		{ "tail=-1", REQUEST_MALFORMED, false, 0 },
		{ "tail=+1", REQUEST_MALFORMED, false, 0 },
		{ "tail=%2b1", REQUEST_MALFORMED, false, 0 },
		{ "tail=0x10", REQUEST_MALFORMED, false, 0 },
		{ "tail=1e3", REQUEST_MALFORMED, false, 0 },
		{ "tail=1.5", REQUEST_MALFORMED, false, 0 },
		{ "tail=1%00", REQUEST_MALFORMED, false, 0 },
		{ "tail=all", REQUEST_MALFORMED, false, 0 },
		{ "tail=99999999999999999999999999x", REQUEST_MALFORMED, false,
			0 },
		{ "tail=1&tail=1", REQUEST_MALFORMED, false, 0 },
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(
			read_query(&r, cases[i].query), cases[i].outcome);
		if (cases[i].outcome != REQUEST_OK)
			continue;
		assert_int_equal(r.tail_given, cases[i].given);
		assert_int_equal(r.tail, cases[i].tail);
	}
}

static void a_page_is_wanted_by_who_names_html_and_no_stream(void **state)
{
	static const struct {
		const char *accept;
		bool html;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "*/*", false },
		{ "text/*", false },
		{ "text/event-stream", false },
		{ "text/html", true },
		{ "TEXT/HTML", true },
		{ "text/html,application/xhtml+xml,application/xml;q=0.9,"
		  "image/avif,*/*;q=0.8",
			true },
		{ "application/xml , text/html ; charset=utf-8", true },
		{ "text/html, text/event-stream", false },
		{ "text/event-stream;q=0.5,text/html", false },
		{ "text/htmlx", false },
		{ "xtext/html", false },
		{ "a;b=text/html", false },
		{ ",;, ,", false },
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(read_variables(&r,
					 (struct variables){
						 .accept = cases[i].accept }),
			REQUEST_OK);
		assert_int_equal(r.wants_html, cases[i].html);
	}
}

static void without_a_path_the_script_may_name_the_sources(void **state)
{
	static const struct {
		const char *script, *path, *query;
		const char *segment;
	} cases[] = {
		{ "/events/access", NULL, NULL, "access" },
		{ "/events/access", "", "tail=1", "access" },
		{ "/events/a,b/", NULL, NULL, "a,b" },
		{ "/events", NULL, NULL, "events" },
		{ "/cgi-bin/ssetail.cgi", NULL, NULL, "ssetail.cgi" },
		{ "/events/" S64, NULL, NULL, S64 },

		/* cannot be names: then it is the mount's */
		{ NULL, NULL, NULL, "" },
		{ "", NULL, NULL, "" },
		{ "/", NULL, NULL, "" },
		{ "/my events", NULL, NULL, "" },
		{ "/a,a", NULL, NULL, "" },
		{ "/events/" S64 "5", NULL, NULL, "" },

		/* something else says it */
		{ "/events/access", "/other", NULL, "" },
		{ "/events/access", "/", NULL, "" },
		{ "/events/access", NULL, "source=other", "" },
		{ "/a\\b", "/other", NULL, "" },
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(
			read_variables(&r,
				(struct variables){ .script = cases[i].script,
					.path = cases[i].path,
					.query = cases[i].query }),
			REQUEST_OK);
		assert_string_equal(r.script_name_segment, cases[i].segment);
		if (cases[i].segment[0] != '\0')
			assert_int_equal(r.source_count, 0);
	}
	assert_int_equal(
		read_variables(&r, (struct variables){ .script = "/e/../etc" }),
		REQUEST_NO_SOURCE);
	assert_int_equal(
		read_variables(&r, (struct variables){ .script = "/e/a\\b" }),
		REQUEST_NO_SOURCE);
}

static void the_names_of_the_script_are_taken_when_told_to(void **state)
{
	struct request r;
	char names[REQUEST_NAMES_MAX + 1];

	(void)state;
	read_variables(&r, (struct variables){ .script = "/events/a,b" });
	assert_true(request_take_script_name(&r));
	assert_string_equal(names_of(&r, names), "a,b");

	read_path(&r, "/access");
	assert_false(request_take_script_name(&r));
	assert_string_equal(names_of(&r, names), "access");
}

/* Whatever comes: what is accepted is of the form that is promised. */
static void what_is_accepted_is_always_well_formed(void **state)
{
	static const char *const pieces[] = { "source=", "tail=",
		"lastEventId=", "&", "=", "%", "%2", "%2c", "%00", "+", ",",
		"a", "b", "..", ".", "/", "\\", "7", "\xff", "~", S64 };
	struct request r;
	unsigned accepted = 0;

	(void)state;
	srand(3);
	for (unsigned round = 0; round < 300000; round++) {
		char text[2][16 * 64 + 1];

		for (size_t k = 0; k < 2; k++) {
			char *to = text[k];

			*to = '\0';
			for (int n = rand() % 16; n > 0; n--)
				to = stpcpy(to, pieces[(size_t)rand() %
							COUNT_OF(pieces)]);
		}
		if (read_variables(
			    &r, (struct variables){ .query = text[0],
					.path = rand() % 4 ? NULL : text[1],
					.script = text[1],
					.id = rand() % 4 ? NULL : text[1] }) !=
			REQUEST_OK)
			continue;
		accepted++;
		assert_true(r.source_count <= REQUEST_SOURCES_MAX);
		for (size_t i = 0; i < r.source_count; i++) {
			size_t len = strlen(r.source[i]);

			assert_in_range(len, 1, REQUEST_NAME_MAX);
			assert_int_equal(
				strspn(r.source[i], LETTERS_AND_DIGITS "_.-"),
				len);
			assert_string_not_equal(r.source[i], "..");
		}
		assert_null(strpbrk(r.id, "\r\n"));
		assert_true(r.id_given || r.id[0] == '\0');
	}
	assert_true(accepted > 1000);
}

static struct request read_visitor(
	const char *address, const char *user, const char *auth_type)
{
	struct request r;

	assert_int_equal(read_variables(&r, (struct variables){ .path = "/a",
						    .address = address,
						    .user = user,
						    .auth_type = auth_type }),
		REQUEST_OK);
	return r;
}

static void tells_who_asks(void **state)
{
	struct request r = read_visitor("192.0.2.7", "ann", "Basic");

	(void)state;
	assert_string_equal(r.remote_address, "192.0.2.7");
	assert_string_equal(r.remote_user, "ann");
	assert_true(r.has_auth_type);
	r = read_visitor(NULL, NULL, NULL);
	assert_string_equal(r.remote_address, "");
	assert_string_equal(r.remote_user, "");
	assert_false(r.has_auth_type);
	r = read_visitor("", "", "");
	assert_string_equal(r.remote_address, "");
	assert_string_equal(r.remote_user, "");
	assert_false(r.has_auth_type);
}

static void what_haproxy_calls_authenticated_is_a_claim(void **state)
{
	struct variables v = { .path = "/a",
		.user = "ann",
		.auth_type = "Basic",
		.software = "HAProxy 2.6.12-1+deb12u4" };
	struct request r;

	(void)state;
	read_variables(&r, v);
	assert_false(r.has_auth_type);
	assert_string_equal(r.remote_user, "ann");
	v.software = "nginx/1.22.1";
	read_variables(&r, v);
	assert_true(r.has_auth_type);
}

/* A part of a name is the name of somebody else. */
static void of_who_asks_all_is_kept_or_nothing(void **state)
{
	static const char longest[] =
		"1111:2222:3333:4444:5555:6666:255.255.255.255";
	char user[ACCESS_USER_MAX + 2], address[64];
	struct request r;

	(void)state;
	assert_int_equal(strlen(longest), REQUEST_ADDRESS_MAX);
	memset(user, 'a', sizeof(user));
	user[ACCESS_USER_MAX] = '\0';
	r = read_visitor(longest, user, "Basic");
	assert_string_equal(r.remote_address, longest);
	assert_string_equal(r.remote_user, user);

	user[ACCESS_USER_MAX] = 'a';
	user[ACCESS_USER_MAX + 1] = '\0';
	snprintf(address, sizeof(address), "%s5", longest);
	r = read_visitor(address, user, "Basic");
	assert_string_equal(r.remote_address, "");
	assert_string_equal(r.remote_user, "");
	assert_true(r.has_auth_type);
}

static void tells_of_which_origin_a_page_is(void **state)
{
	struct variables v = { .path = "/a", .origin = "https://a.example" };
	char origin[CORS_ORIGIN_MAX + 2];
	struct request r;

	(void)state;
	read_variables(&r, v);
	assert_string_equal(r.origin, "https://a.example");
	/* Also of a request that is malformed or names nothing. */
	v.query = "tail=x";
	assert_int_equal(read_variables(&r, v), REQUEST_MALFORMED);
	assert_string_equal(r.origin, "https://a.example");
	v.query = NULL;
	v.path = "/..";
	assert_int_equal(read_variables(&r, v), REQUEST_NO_SOURCE);
	assert_string_equal(r.origin, "https://a.example");
	v.origin = NULL;
	read_variables(&r, v);
	assert_string_equal(r.origin, "");

	memset(origin, 'a', sizeof(origin));
	origin[CORS_ORIGIN_MAX] = '\0';
	v.origin = origin;
	read_variables(&r, v);
	assert_string_equal(r.origin, origin);
	origin[CORS_ORIGIN_MAX] = 'a';
	origin[CORS_ORIGIN_MAX + 1] = '\0';
	read_variables(&r, v);
	assert_string_equal(r.origin, "");
}

static void tells_a_preflight(void **state)
{
	static const struct {
		const char *method, *asked;
		bool is_preflight;
	} rows[] = {
		{ "OPTIONS", "GET", true },
		{ "OPTIONS", "DELETE", true },
		{ "OPTIONS", "", false },
		{ "OPTIONS", NULL, false },
		{ "GET", "GET", false },
		{ "POST", "GET", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct variables v = { .path = "/a",
			.method = rows[i].method,
			.asked_method = rows[i].asked };
		struct request r;

		read_variables(&r, v);
		assert_int_equal(r.is_preflight, rows[i].is_preflight);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_names_from_the_path),
		cmocka_unit_test(takes_names_from_the_query),
		cmocka_unit_test(the_path_comes_before_the_query),
		cmocka_unit_test(keeps_a_query_within_its_limits),
		cmocka_unit_test(knows_the_methods_it_answers),
		cmocka_unit_test(nothing_at_all_is_no_crash),
		cmocka_unit_test(takes_the_resume_point_from_where_it_is_given),
		cmocka_unit_test(metrics_are_asked_for_by_a_parameter),
		cmocka_unit_test(before_is_an_id_or_one_that_cannot_be),
		cmocka_unit_test(the_worker_is_asked_for_by_a_parameter),
		cmocka_unit_test(the_doctor_is_asked_for_by_a_parameter),
		cmocka_unit_test(a_tail_is_a_decimal_number),
		cmocka_unit_test(
			a_page_is_wanted_by_who_names_html_and_no_stream),
		cmocka_unit_test(
			without_a_path_the_script_may_name_the_sources),
		cmocka_unit_test(
			the_names_of_the_script_are_taken_when_told_to),
		cmocka_unit_test(what_is_accepted_is_always_well_formed),
		cmocka_unit_test(tells_who_asks),
		cmocka_unit_test(of_who_asks_all_is_kept_or_nothing),
		cmocka_unit_test(what_haproxy_calls_authenticated_is_a_claim),
		cmocka_unit_test(tells_of_which_origin_a_page_is),
		cmocka_unit_test(tells_a_preflight),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
