/*
 * Apache with each of its fragments, and what is said of it alone.
 */
#include "tests/lib/contract.h"

#include <string.h>

#include "tests/lib/browser.h"
#include "tests/lib/disk.h"
#include "tests/lib/kinds.h"

/* ---- mod_fcgid's patience */

/* Of a request, streams in use included: 300 s as installed. */
#define SHORT_BUSY_TIME "FcgidBusyTimeout 3\nFcgidBusyScanInterval 1\n"

/* Of silence: 40 s as installed. In place of the fragment's own. */
#define SHORT_IO_TIME                                                          \
	"FcgidCmdOptions \"${ssetail_program}\" IOTimeout 3 "                  \
	"InitialEnv SSETAIL_CONF=${ssetail_config}\n"

static void follow_until_it_ended(
	struct browser *b, const struct server *s, size_t times)
{
	browser_open(b, s);
	while (b->ends < times)
		browser_follow(b, 1);
	browser_release(b);
}

static bool was_told_to_end(const struct server *s)
{
	return strstr(process_errors(s->process), "info: stop: ") != NULL;
}

/* Several times over, for longer than mod_fcgid's patience lasts. */
static void a_lifetime_spares_the_processes_of_mod_fcgid(void **state)
{
	struct server s;
	struct browser b;

	server_start(&s, *state,
		&(struct server_how){
			.settings = "heartbeat = 1; lifetime = 1;",
			.site = SHORT_BUSY_TIME });
	follow_until_it_ended(&b, &s, 5);
	assert_false(was_told_to_end(&s));
}

/* What happens to somebody who did not set it. */
static void mod_fcgid_ends_a_busy_process_on_a_whole_event(void **state)
{
	struct server s;
	struct browser b;

	server_start(&s, *state,
		&(struct server_how){ .settings = "heartbeat = 1;",
			.site = SHORT_BUSY_TIME });
	follow_until_it_ended(&b, &s, 2);
	assert_true(was_told_to_end(&s));
}

static void a_heartbeat_keeps_html_out_of_a_quiet_stream(void **state)
{
	struct server s;
	struct http_client *client;

	server_start(&s, *state,
		&(struct server_how){
			.settings = "heartbeat = 1;", .site = SHORT_IO_TIME });
	client = server_open(&s, NULL);
	reader_wait_comments(&client->reader, 6);
	disk_append(s.log, "one\n");
	reader_expect_event(&client->reader, 0, "message", "one");
}

/* So that the one before means something, and as a proof that a page of HTML
 * in a stream does not go unnoticed. */
static void without_a_heartbeat_html_lands_in_a_quiet_stream(void **state)
{
	struct server s;
	struct http_client *client;

	server_start(&s, *state,
		&(struct server_how){ .settings = "heartbeat = 3600;",
			.site = SHORT_IO_TIME });
	client = server_open(&s, NULL);
	client->reader.tolerant = true;
	reader_wait_text(&client->reader, "<!DOCTYPE HTML");
	reader_wait_closed(&client->reader);
	assert_string_not_equal(client->reader.fault, "");
}

#define TEST(kind, function)                                                   \
	{                                                                      \
#function, function, NULL, test_cleanup,                       \
			(void *)(uintptr_t)&kinds[kind]                        \
	}

int main(void)
{
	const struct CMUnitTest others[] = {
		TEST(KIND_APACHE_FCGID,
			a_lifetime_spares_the_processes_of_mod_fcgid),
		TEST(KIND_APACHE_FCGID,
			mod_fcgid_ends_a_busy_process_on_a_whole_event),
		TEST(KIND_APACHE_FCGID,
			a_heartbeat_keeps_html_out_of_a_quiet_stream),
		TEST(KIND_APACHE_FCGID,
			without_a_heartbeat_html_lands_in_a_quiet_stream),
	};

	return contract_run(&kinds[KIND_APACHE_CGID],
		KIND_APACHE_HTACCESS - KIND_APACHE_CGID + 1, others,
		sizeof(others) / sizeof(*others));
}
