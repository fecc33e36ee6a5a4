/*
 * The doctor's page, in a browser: what it says of a web server that is as it
 * should be, and of one that is not.
 */
#include "tests/lib/test.h"

#include <string.h>

#include "tests/lib/server.h"
#include "tests/lib/webdriver.h"

static void ask_the_doctor(struct server *s, const struct server_how *how)
{
	server_start(s, &server_lighttpd, how);
	webdriver_open();
	webdriver_go("http://%s/events/?doctor", s->address);
	webdriver_wait("document.getElementById('verdict').textContent !== ''");
}

#define VERDICT "document.getElementById('verdict').className"
#define ANSWER	"document.getElementById('answer').textContent"

static void nothing_is_wrong_with_our_fragment(void **state)
{
	struct server s;

	(void)state;
	ask_the_doctor(
		&s, &(struct server_how){ .settings = "heartbeat = 1;" });
	assert_string_equal(webdriver_value(VERDICT), "well");
}

static void without_its_decisive_line_the_whole_is_held_back(void **state)
{
	struct server s;

	(void)state;
	ask_the_doctor(&s, &(struct server_how){ .without_decisive = true });
	assert_string_equal(webdriver_value(VERDICT), "wrong");
	assert_string_equal(
		webdriver_value("document.querySelector('[data-cause]')"
				".dataset.cause"),
		"whole-response");
	assert_string_equal(
		webdriver_value("document.querySelector('pre').textContent"),
		"server.stream-response-body = 2");
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(nothing_is_wrong_with_our_fragment),
		TEST(without_its_decisive_line_the_whole_is_held_back),
	};

	return test_run("doctor", tests, sizeof(tests) / sizeof(*tests), 2);
}
