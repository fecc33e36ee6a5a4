/*
 * lighttpd with each of its fragments, and what is said of it alone: the
 * processes that it spawns, and the site that Debian gives it.
 */
#include "tests/lib/contract.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/kinds.h"

enum { PROCESSES = 4, CLIENTS = 10 };

/* ---- several processes */

static void spawned_processes_share_the_clients(void **state)
{
	struct http_client *client[CLIENTS];
	struct server s;

	server_start(&s, *state, NULL);
	disk_append(s.log, "one\n");
	for (int i = 0; i < CLIENTS; i++)
		client[i] = server_open(&s, NULL);
	for (int i = 0; i < CLIENTS; i++)
		reader_expect_event(&client[i]->reader, 0, "message", "one");
	assert_int_equal(
		process_descendants(getpid(), s.kind->ssetail), PROCESSES);
	assert_int_equal(server_busy(&s), PROCESSES);
}

/* The first client stays, so that its process is not the least busy one. */
static void a_stream_is_resumed_in_another_process(void **state)
{
	struct server s;

	server_start(&s, *state, NULL);
	disk_append(s.log, "one\n");
	struct http_client *first = server_open(&s, NULL);
	reader_expect_event(&first->reader, 0, "message", "one");
	reader_set_reading(&first->reader, false);
	disk_append(s.log, "two\nthree\n");
	struct http_client *second =
		server_open(&s, reader_last_id(&first->reader));
	reader_expect_event(&second->reader, 0, "message", "two");
	reader_expect_event(&second->reader, 1, "message", "three");
	assert_int_equal(server_busy(&s), 2);
}

/* ---- Debian's site */

#define ETC "/etc/lighttpd/"

/* The program that enables modules, for this folder in place of /etc. */
static void enable_modules(const char *folder)
{
	const char *const changes[][2] = { { ETC, folder }, { NULL, NULL } };
	const char *program = disk_path(folder, "lighty-enable-mod");

	disk_copy_changed("/usr/sbin/lighty-enable-mod", program, changes);
	assert_int_equal(
		process_exit_code(process_run("perl", program, "setenv", "cgi",
			"fastcgi-php", "ssetail", NULL)),
		0);
}

/* What may be enabled: Debian's own, and ours. */
static void offer_modules(const struct server *s, const char *folder)
{
	static const char *const usual[] = { "05-setenv.conf", "10-cgi.conf",
		"10-fastcgi.conf" };
	/* PHP need not be there: another FastCGI program stands in. */
	const char *const php[][2] = {
		{ "/usr/bin/php-cgi", disk_path(s->folder, "php") },
		{ "/run/lighttpd", s->folder },
		{ NULL, NULL },
	};
	const char *available = disk_subfolder(folder, "conf-available");

	disk_subfolder(folder, "conf-enabled");
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		disk_copy(disk_path(ETC "conf-available", "%s", usual[i]),
			disk_path(available, "%s", usual[i]));
	disk_copy_changed(ETC "conf-available/15-fastcgi-php.conf",
		disk_path(available, "15-fastcgi-php.conf"), php);
	disk_rename(disk_path(s->folder, "15-ssetail.conf"),
		disk_path(available, "15-ssetail.conf"));
	process_copy_program("ssetail.fcgi", disk_path(s->folder, "php"));
	disk_write(disk_path(s->folder, "site/x.php"), "%s", "");
}

/* /etc/lighttpd as it is when the fragment was enabled beside others. */
static void use_debians_site(struct server *s)
{
	/* With the slash, as in the texts that it replaces. */
	const char *folder =
		disk_path(disk_subfolder(s->folder, "etc"), "%s", "");
	char port[64];
	const char *const changes[][2] = {
		{ ETC, folder },
		{ "/var/www/html", disk_path(s->folder, "site") },
		{ "/var/log/lighttpd/error.log", "/dev/stderr" },
		{ "/run/lighttpd.pid", disk_path(s->folder, "pid") },
		{ "/var/cache/lighttpd/uploads", s->folder },
		{ "= 80\n", port },
		/* Nobody else is to come. */
		{ "include_shell \"/usr/share/lighttpd/use-ipv6.pl", "#" },
		{ NULL, NULL },
	};

	snprintf(port, sizeof(port), "= %s\nserver.bind = \"127.0.0.1\"\n",
		strrchr(s->address, ':') + 1);
	offer_modules(s, folder);
	enable_modules(folder);
	assert_true(
		disk_exists(disk_path(folder, "conf-enabled/10-fastcgi.conf")));
	assert_true(
		disk_exists(disk_path(folder, "conf-enabled/15-ssetail.conf")));
	s->config = disk_path(folder, "lighttpd.conf");
	disk_copy_changed(ETC "lighttpd.conf", s->config, changes);
	/* Its processes are www-data, and make their sockets here. */
	disk_mode(s->folder, 0777);
}

static void lives_with_what_debian_enables(void **state)
{
	struct server s;

	server_start(&s, *state,
		&(struct server_how){ .prepare = use_debians_site });
	disk_append(s.log, "one\n");
	reader_expect_event(
		&server_open(&s, NULL)->reader, 0, "message", "one");

	struct http_client *php = http_open(s.address,
		&(struct ask){ .mount = "/x.php", .query = "source=none" });
	reader_expect_status(&php->reader, 404);
	reader_wait_text(&php->reader, "source");
}

#define TEST(kind, function)                                                   \
	{                                                                      \
#function, function, NULL, test_cleanup,                       \
			(void *)(uintptr_t)&kinds[kind]                        \
	}

int main(void)
{
	const struct CMUnitTest others[] = {
		TEST(KIND_LIGHTTPD_FASTCGI,
			spawned_processes_share_the_clients),
		TEST(KIND_LIGHTTPD_FASTCGI,
			a_stream_is_resumed_in_another_process),
		TEST(KIND_LIGHTTPD_FASTCGI, lives_with_what_debian_enables),
		TEST(KIND_LIGHTTPD_EXTERNAL, lives_with_what_debian_enables),
		TEST(KIND_LIGHTTPD_CGI, lives_with_what_debian_enables),
	};

	return contract_run(&kinds[KIND_LIGHTTPD_FASTCGI],
		KIND_LIGHTTPD_CGI - KIND_LIGHTTPD_FASTCGI + 1, others,
		sizeof(others) / sizeof(*others));
}
