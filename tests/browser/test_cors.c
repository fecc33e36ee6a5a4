/*
 * Pages of other origins in a real browser: the page comes from one port, the
 * stream from another, through lighttpd. What counts is what the page gets to
 * see.
 */
#include "tests/lib/test.h"

#include <stdio.h>

#include "tests/lib/disk.h"
#include "tests/lib/page.h"
#include "tests/lib/server.h"

/* Where a page has the other origin: its host is another. */
#define HERE  "127.0.0.1"
#define THERE "localhost"

/*
 * A server whose log has one line, and a page that is to read it, whose origin
 * is listed, if it is HERE. `settings` are of ssetail, `site` is of lighttpd.
 */
static void start(struct server *s, bool is_listed, const char *settings,
	const char *site)
{
	char text[256], origins[128] = "";
	int port = page_open();

	if (is_listed)
		snprintf(origins, sizeof(origins),
			"cors_origins = [ \"http://" HERE ":%d\" ];", port);
	snprintf(text, sizeof(text), "%s %s", origins, settings);
	server_start(s, &server_lighttpd,
		&(struct server_how){ .settings = text, .site = site });
	disk_append(s->log, "one\n");
}

/* Reports each line of a stream, each time that it opens, and its end for
 * good, with a word in front. */
#define FOLLOW                                                                 \
	"function follow(url, word, options) {\n"                              \
	"  const stream = new EventSource(url, options);\n"                    \
	"  let opened = 0;\n"                                                  \
	"  stream.onopen = () => report(word + ' opened ' + ++opened);\n"      \
	"  stream.onmessage = (e) => report(word + ' ' + e.data);\n"           \
	"  stream.onerror = () => {\n"                                         \
	"    if (stream.readyState === EventSource.CLOSED)\n"                  \
	"      report(word + ' refused');\n"                                   \
	"  };\n"                                                               \
	"}\n"                                                                  \
	"const events = 'http://%s/events/';\n"

/* As it is, and with the browser's credentials. */
#define BOTH                                                                   \
	"follow(events + 'log', 'plain');\n"                                   \
	"follow(events + 'log', 'with', { withCredentials: true });\n"

/* ---- */

/* No answer to OPTIONS: the id that is sent back needs no preflight. */
static void a_listed_origin_reads_and_resumes(void **state)
{
	struct server s;

	(void)state;
	start(&s, true, "lifetime = 1; retry = 100;",
		"server.modules += ( \"mod_access\" )\n"
		"$HTTP[\"request-method\"] == \"OPTIONS\" {\n"
		"	url.access-deny = ( \"\" )\n"
		"}\n");
	page_script(FOLLOW "follow(events + 'log', 'plain');\n", s.address);
	page_browse(HERE);
	page_wait("plain one");
	page_wait("plain opened 3");
	disk_append(s.log, "two\n");
	page_wait("plain two");
	/* Without an id each of them would begin with the first line. */
	assert_int_equal(page_reported("plain one"), 1);
	assert_int_equal(page_reported("plain two"), 1);
	assert_int_equal(page_reported("plain refused"), 0);
}

static void another_origin_is_refused(void **state)
{
	struct server s;

	(void)state;
	start(&s, true, "", NULL);
	page_script(FOLLOW BOTH, s.address);
	page_browse(THERE);
	page_wait("plain refused");
	page_wait("with refused");
	assert_int_equal(page_reported("plain one"), 0);
	assert_int_equal(page_reported("with one"), 0);
}

static void without_a_word_about_it_every_other_origin_is(void **state)
{
	struct server s;

	(void)state;
	start(&s, false, "", NULL);
	page_script(FOLLOW BOTH, s.address);
	page_browse(HERE);
	page_wait("plain refused");
	page_wait("with refused");
	assert_int_equal(page_reported("plain one"), 0);
	assert_int_equal(page_reported("with one"), 0);
}

/* The site lets nobody in without a cookie, which has no port. */
static void credentials_go_along_where_they_may(void **state)
{
	struct server s;

	(void)state;
	start(&s, true, "cors_credentials = true;",
		"server.modules += ( \"mod_access\" )\n"
		"$HTTP[\"cookie\"] !~ \"who=ann\" {\n"
		"	url.access-deny = ( \"\" )\n"
		"}\n");
	page_script(FOLLOW "document.cookie = 'who=ann';\n" BOTH, s.address);
	page_browse(HERE);
	page_wait("with one");
	page_wait("plain refused");
	assert_int_equal(page_reported("plain one"), 0);
	assert_int_equal(page_reported("with refused"), 0);
}

static void and_nowhere_else(void **state)
{
	struct server s;

	(void)state;
	start(&s, true, "", NULL);
	page_script(FOLLOW BOTH, s.address);
	page_browse(HERE);
	page_wait("plain one");
	page_wait("with refused");
	assert_int_equal(page_reported("with one"), 0);
}

static void any_origin_reads_without_credentials(void **state)
{
	struct server s;

	(void)state;
	start(&s, false, "cors_origins = [ \"*\" ];", NULL);
	page_script(FOLLOW BOTH, s.address);
	page_browse(THERE);
	page_wait("plain one");
	page_wait("with refused");
	assert_int_equal(page_reported("with one"), 0);
}

/* ---- fetch, which sends what a page tells it to */

#define TRY                                                                    \
	"const events = 'http://%s/events/';\n"                                \
	"function trial(word, name, options) {\n"                              \
	"  fetch(events + name, options)\n"                                    \
	"    .then((answer) => report(word + ' ' + answer.status))\n"          \
	"    .catch(() => report(word + ' refused'));\n"                       \
	"}\n"                                                                  \
	"const long_id = { 'Last-Event-ID': 'a'.repeat(200) };\n"              \
	"trial('long id', 'log', { headers: long_id });\n"                     \
	"trial('other field', 'log', { headers: { 'X-Other': '1' } });\n"      \
	"trial('other method', 'log', { method: 'DELETE' });\n"                \
	"trial('simple method', 'log', { method: 'POST' });\n"                 \
	"trial('unknown', 'unknown');\n"                                       \
	"trial('malformed', 'log?tail=x');\n"

static void a_preflight_opens_what_a_stream_needs(void **state)
{
	struct server s;

	(void)state;
	start(&s, true, "", NULL);
	page_script(TRY, s.address);
	page_browse(HERE);
	page_wait("long id 200");
	page_wait("other field refused");
	page_wait("other method refused");
	page_wait("simple method 405");
	page_wait("unknown 404");
	page_wait("malformed 400");
}

static void a_preflight_of_another_origin_opens_nothing(void **state)
{
	struct server s;

	(void)state;
	start(&s, true, "", NULL);
	page_script(TRY, s.address);
	page_browse(THERE);
	page_wait("long id refused");
	page_wait("other field refused");
	page_wait("other method refused");
	page_wait("simple method refused");
	page_wait("unknown refused");
	page_wait("malformed refused");
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_listed_origin_reads_and_resumes),
		TEST(another_origin_is_refused),
		TEST(without_a_word_about_it_every_other_origin_is),
		TEST(credentials_go_along_where_they_may),
		TEST(and_nowhere_else),
		TEST(any_origin_reads_without_credentials),
		TEST(a_preflight_opens_what_a_stream_needs),
		TEST(a_preflight_of_another_origin_opens_nothing),
	};

	return test_run("cors", tests, sizeof(tests) / sizeof(*tests), 2);
}
