/* Who finds no room, in a real browser: it comes back by itself. */
#include "tests/lib/test.h"

#include <stdio.h>

#include "tests/lib/disk.h"
#include "tests/lib/kinds.h"
#include "tests/lib/page.h"
#include "tests/lib/server.h"

/* The second stream is asked for when the first one has its line, and the
 * first one is closed when the second was turned away. */
#define SCRIPT                                                                 \
	"const url = 'http://%s/events/log';\n"                                \
	"const first = new EventSource(url);\n"                                \
	"first.onmessage = (e) => {\n"                                         \
	"  report('first ' + e.data);\n"                                       \
	"  const second = new EventSource(url);\n"                             \
	"  second.addEventListener('busy', (e) => {\n"                         \
	"    report('busy ' + JSON.parse(e.data).reason);\n"                   \
	"    first.close();\n"                                                 \
	"  });\n"                                                              \
	"  second.onmessage = (e) => report('second ' + e.data);\n"            \
	"  second.onerror = () => {\n"                                         \
	"    if (second.readyState === EventSource.CLOSED)\n"                  \
	"      report('refused');\n"                                           \
	"  };\n"                                                               \
	"};\n"

static void who_is_turned_away_comes_back(const char *limit, const char *said)
{
	char settings[128];
	struct server s;

	page_open();
	snprintf(settings, sizeof(settings),
		"%s = 1; retry = 100; heartbeat = 1;\n"
		"cors_origins = [ \"*\" ];\n",
		limit);
	/* One process, so that its limit is the site's. */
	server_start(&s, &kinds[KIND_LIGHTTPD_EXTERNAL],
		&(struct server_how){ .settings = settings });
	disk_append(s.log, "one\n");
	page_script(SCRIPT, s.address);
	page_browse("127.0.0.1");
	page_wait("first one");
	page_wait(said);
	page_wait("second one");
	assert_int_equal(page_reported("refused"), 0);
}

static void for_want_of_room(void **state)
{
	(void)state;
	who_is_turned_away_comes_back("max_clients", "busy clients");
}

static void for_its_address(void **state)
{
	(void)state;
	who_is_turned_away_comes_back(
		"max_clients_per_address", "busy address");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(for_want_of_room, test_cleanup),
		cmocka_unit_test_teardown(for_its_address, test_cleanup),
	};

	return test_run("limits", tests, sizeof(tests) / sizeof(*tests), 2);
}
