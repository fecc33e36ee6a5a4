/*
 * The servers that only pass requests on to an ssetail.fcgi that runs already:
 * nginx, HAProxy, Caddy, each with its fragment; and what is said of one of
 * them alone.
 */
#include "tests/lib/contract.h"

#include "tests/lib/browser.h"

enum { NGINX, HAPROXY };

static const struct server_kind kinds[] = {
	{ .name = "nginx",
		.program = "nginx",
		.fragment = "conf/nginx/ssetail.conf",
		.ssetail = "ssetail.fcgi",
		.decisive = "fastcgi_buffering",
		.instead = "fastcgi_ignore_headers X-Accel-Buffering;",
		.sets = "socket" },
	{ .name = "HAProxy",
		.program = "haproxy",
		.fragment = "conf/haproxy/ssetail.cfg",
		.ssetail = "ssetail.fcgi",
		.sets = "socket",
		.reload_ends = true },
	{ .name = "Caddy",
		.program = "caddy",
		.fragment = "conf/caddy/ssetail.caddy",
		.ssetail = "ssetail.fcgi",
		.decisive = "import ssetail_socket",
		.sets = "socket" },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* How long a browser takes for some lines, each when it has the one before. */
static int64_t time_to_follow(const struct server *s)
{
	struct browser b;
	int64_t begin;

	browser_open(&b, s);
	browser_follow(&b, 1);
	begin = test_now_ms();
	browser_follow(&b, 20);
	browser_release(&b);
	return test_now_ms() - begin;
}

static void the_header_is_enough_for_nginx(void **state)
{
	struct server_kind kind = *(const struct server_kind *)*state;
	struct server s;

	kind.instead = NULL;
	server_start(
		&s, &kind, &(struct server_how){ .without_decisive = true });
	time_to_follow(&s);
}

/* By how much nobody says here, only which of two is the later one: one that
 * waits for 200 ms for each line. */
static void haproxy_is_late_without_its_decisive_line(void **state)
{
	struct server_kind kind = *(const struct server_kind *)*state;
	struct server prompt, late;

	kind.decisive = "http-no-delay";
	server_start(&prompt, &kind, NULL);
	server_start(
		&late, &kind, &(struct server_how){ .without_decisive = true });
	assert_true(time_to_follow(&prompt) < time_to_follow(&late));
}

#define TEST(kind, function)                                                   \
	{                                                                      \
#function, function, NULL, test_cleanup,                       \
			(void *)(uintptr_t)&kinds[kind]                        \
	}

int main(void)
{
	const struct CMUnitTest others[] = {
		TEST(NGINX, the_header_is_enough_for_nginx),
		TEST(HAPROXY, haproxy_is_late_without_its_decisive_line),
	};

	return contract_run(
		kinds, KINDS, others, sizeof(others) / sizeof(*others));
}
