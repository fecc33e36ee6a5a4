/*
 * The page that every tutorial has: an EventSource that appends what comes to
 * a list. On the bare MOUNT and on a named source, from its own origin and from
 * another one.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/server.h"
#include "tests/lib/webdriver.h"

static const char page[] = "<!DOCTYPE html>\n"
			   "<title>plain</title>\n"
			   "<ul id=\"list\"></ul>\n"
			   "<script>\n"
			   "const source = new EventSource('%s');\n"
			   "source.onmessage = (event) => {\n"
			   "	const item = document.createElement('li');\n"
			   "	item.textContent = event.data;\n"
			   "	document.getElementById('list').append(item);\n"
			   "};\n"
			   "</script>\n";

/* From 1 to 100, faster than once a second; and the time. */
#define CLOCKS                                                                 \
	"}, { name = \"default\"; type = \"clock\"; show = \"count\"; "        \
	"count = 100; interval = 0.05; cors_origins = [ \"*\" ]; "             \
	"}, { name = \"time\"; type = \"clock\"; show = \"time\"; "            \
	"interval = 1.0; cors_origins = [ \"*\" ]; "

/* The page is of `host`, the stream of "127.0.0.1", both of the same server. */
static void browse(struct server *s, const char *host, const char *path)
{
	char url[128];

	server_start(s, &server_lighttpd,
		&(struct server_how){ .source = CLOCKS,
			.site = "mimetype.assign = ( \".html\" => "
				"\"text/html\" )\n" });
	snprintf(url, sizeof(url), "http://%s%s", s->address, path);
	disk_write(disk_path(s->folder, "site/plain.html"), page, url);
	webdriver_open();
	webdriver_go("http://%s%s/plain.html", host, strchr(s->address, ':'));
}

#define LIST                                                                   \
	"[...document.querySelectorAll('li')].map((item) => item.textContent)"

/* Each once, and then the end: it is not asked for again. */
static void expect_the_count(void)
{
	webdriver_wait("source.readyState === EventSource.CLOSED");
	assert_string_equal(
		webdriver_value(LIST ".join() === Array.from({ length: 100 }, "
				     "(_, i) => i + 1).join()"),
		"true");
}

static void expect_the_time(void)
{
	webdriver_wait(LIST ".length >= 3");
	assert_string_equal(
		webdriver_value(LIST ".every((text) => Math.abs(Date.now() - "
				     "new Date(text)) < 60000)"),
		"true");
	/* A tick that is late may be in the second of the next one. */
	assert_string_equal(webdriver_value(LIST ".every((text, i, all) => "
						 "i === 0 || all[i - 1] <= "
						 "text)"),
		"true");
}

static void a_page_counts_on_the_bare_mount(void **state)
{
	struct server s;

	(void)state;
	browse(&s, "127.0.0.1", "/events");
	expect_the_count();
}

static void and_tells_the_time_of_a_named_source(void **state)
{
	struct server s;

	(void)state;
	browse(&s, "127.0.0.1", "/events/time");
	expect_the_time();
}

static void so_does_a_page_of_another_origin(void **state)
{
	struct server s;

	(void)state;
	browse(&s, "localhost", "/events/");
	expect_the_count();
}

static void with_a_named_source_too(void **state)
{
	struct server s;

	(void)state;
	browse(&s, "localhost", "/events/time");
	expect_the_time();
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_page_counts_on_the_bare_mount),
		TEST(and_tells_the_time_of_a_named_source),
		TEST(so_does_a_page_of_another_origin),
		TEST(with_a_named_source_too),
	};

	return test_run("plain", tests, sizeof(tests) / sizeof(*tests), 2);
}
