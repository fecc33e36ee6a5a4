/*
 * What README.md and conf/cluster/README.md tell people to type, as it stands
 * there: for a machine of several, and for other engines.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"
#include "tests/lib/process.h"
#include "tests/lib/recipe.h"
#include "tests/lib/site.h"

#define README	"README.md"
#define CLUSTER "conf/cluster/README.md"

static struct process *run_shell(const char *text)
{
	return process_run("/bin/sh", "-c", text, NULL);
}

/* Is there an event whose data ends so? */
static bool has(const struct reader *r, const char *end)
{
	for (size_t i = 0; i < r->event_count; i++) {
		const struct reader_event *e = &r->events[i];
		size_t len = strlen(end);

		if (e->data_len >= len &&
			strcmp(e->data + e->data_len - len, end) == 0)
			return true;
	}
	return false;
}

/* ---- README.md: a machine */

static void the_source_of_a_machine_is_a_configuration(void **state)
{
	struct site *s = *state;
	struct bytes text = recipe_read(README, "cluster-source");

	recipe_replace(&text, "/var/lib/ssetail-bridge", s->folder);
	site_configure(s, "sources = ( %s );\n", bytes_text(&text));
	reader_expect_event(site_open_path(s, "/orders"), 0, "waiting", NULL);
	bytes_release(&text);
}

/* Services and Debian's tools are stand-ins that say what they were told. */
static void a_machine_is_set_up(void **state)
{
	static const char *const tools[] = { "lighty-enable-mod", "service",
		"systemctl", NULL };
	struct site *s = *state;
	struct bytes text = recipe_read(README, "cluster-machine"),
		     command = BYTES_INIT, is = BYTES_INIT;
	struct stat st;

	disk_subfolder(s->folder, "bin");
	for (const char *const *tool = tools; *tool; tool++) {
		const char *path = disk_path(s->folder, "bin/%s", *tool);

		disk_write(path, "#!/bin/sh\necho %s \"$@\" >>%s/calls\n",
			*tool, s->folder);
		disk_mode(path, 0755);
	}
	recipe_replace(&text, "/etc/ssetail", s->folder);
	recipe_replace(&text, "/etc/lighttpd/conf-available", s->folder);
	bytes_add_format(&command, "set -e; PATH=%s/bin:$PATH\n%s", s->folder,
		bytes_text(&text));
	assert_int_equal(process_exit_code(run_shell(bytes_text(&command))), 0);
	disk_read(&is, disk_path(s->folder, "redis.env"));
	assert_string_equal(bytes_text(&is),
		"REDIS=192.0.2.10:6379\n"
		"REDISCLI_AUTH=something-long-and-random\n");
	assert_int_equal(stat(disk_path(s->folder, "redis.env"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(
		disk_exists(disk_path(s->folder, "16-ssetail-cluster.conf")));
	bytes_clear(&is);
	disk_read(&is, disk_path(s->folder, "calls"));
	assert_string_equal(bytes_text(&is),
		"lighty-enable-mod ssetail-cluster\n"
		"service lighttpd force-reload\n"
		"systemctl enable --now ssetail-bridge@orders\n"
		"systemctl restart ssetail.service\n");
	assert_true(disk_exists("conf/cluster/ssetail-bridge@.service"));
	bytes_release(&is);
	bytes_release(&command);
	bytes_release(&text);
}

/* ---- conf/cluster/README.md: other engines */

static void all_of_them_are_here(void **state)
{
	(void)state;
	assert_int_equal(recipe_count(CLUSTER), 3);
}

/* The broker of the test listens there. */
static int start_broker(const struct site *s)
{
	const char *config = disk_path(s->folder, "mosquitto.conf");
	int port = process_free_port(), fd;
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	disk_write(
		config, "listener %d 127.0.0.1\nallow_anonymous true\n", port);
	disk_mode(config, 0644);
	process_run("/usr/sbin/mosquitto", "-c", config, NULL);
	wait_for((fd = reader_connect(address)) >= 0);
	close(fd);
	return port;
}

static struct process *subscribe(const struct site *s, int port)
{
	struct bytes text = recipe_read(CLUSTER, "mosquitto"),
		     command = BYTES_INIT;
	char host[32];
	struct process *p;

	snprintf(host, sizeof(host), "-h 127.0.0.1 -p %d", port);
	recipe_replace(&text, "-h localhost", host);
	recipe_replace(&text, "/var/log/ssetail", s->folder);
	bytes_add_format(&command, "exec %s", bytes_text(&text));
	p = run_shell(bytes_text(&command));
	bytes_release(&command);
	bytes_release(&text);
	return p;
}

static void tell_broker(int port, const char *message)
{
	char number[16];
	struct process *p;

	snprintf(number, sizeof(number), "%d", port);
	p = process_run("mosquitto_pub", "-h", "127.0.0.1", "-p", number, "-t",
		"orders", "-q", "1", "-m", message, NULL);
	assert_int_equal(process_exit_code(p), 0);
	process_free(p);
}

static void what_mqtt_brings_arrives(void **state)
{
	struct site *s = *state;
	int port = start_broker(s);
	const char *log = disk_path(s->folder, "orders.log");
	struct process *subscriber = subscribe(s, port);
	struct reader *r;

	site_configure(s, "sources = ( { name = \"orders\"; "
			  "path = \"orders.log\"; } );\n");
	r = site_open_path(s, "/orders");
	reader_wait_head(r);
	wait_for(disk_exists(log));
	/* Until it has subscribed the broker keeps nothing for it. */
	while (!has(r, "hello")) {
		tell_broker(port, "hello");
		wait_quietly(20);
	}
	for (const char *const *m = (const char *const[]){ "one", "two", NULL };
		*m; m++) {
		tell_broker(port, *m);
		wait_for(has(r, *m));
	}
	process_kill(subscriber);
	tell_broker(port, "three");
	tell_broker(port, "four");
	subscribe(s, port);
	wait_for(has(r, "four"));
	assert_true(has(r, "three"));
}

/* An rsyslog that does as a recipe says, with `path` for that one in it, and
 * hears at folder/syslog. */
static void start_rsyslog(const struct site *s, const char *name,
	const char *theirs, const char *path)
{
	const char *config = disk_path(s->folder, "rsyslog.conf");
	const char *socket = disk_path(s->folder, "syslog");
	struct bytes text = recipe_read(CLUSTER, name);

	recipe_replace(&text, theirs, path);
	disk_write(config,
		"module(load=\"imuxsock\" SysSock.Use=\"off\")\n"
		"input(type=\"imuxsock\" Socket=\"%s\")\n%s",
		socket, bytes_text(&text));
	bytes_release(&text);
	process_run(
		"/usr/sbin/rsyslogd", "-n", "-i", "NONE", "-f", config, NULL);
	wait_for(disk_exists(socket));
}

static void log_message(
	const struct site *s, const char *tag, const char *message)
{
	struct process *p = process_run("logger", "-d", "-u",
		disk_path(s->folder, "syslog"), "-t", tag, message, NULL);

	assert_int_equal(process_exit_code(p), 0);
	process_free(p);
}

static void expect_messages(const struct site *s, struct reader *r)
{
	for (const char *const *m =
			(const char *const[]){ "one", "two words", NULL };
		*m; m++) {
		char end[32];

		snprintf(end, sizeof(end), "orders: %s", *m);
		log_message(s, "other", *m);
		log_message(s, "orders", *m);
		wait_for(has(r, end));
	}
	assert_false(has(r, "other: one"));
}

static void what_rsyslog_writes_into_a_file_arrives(void **state)
{
	struct site *s = *state;
	struct reader *r;

	start_rsyslog(s, "rsyslog-file", "/var/log/ssetail", s->folder);
	site_configure(s, "sources = ( { name = \"orders\"; "
			  "path = \"orders.log\"; } );\n");
	r = site_open_path(s, "/orders");
	reader_wait_head(r);
	expect_messages(s, r);
}

static void what_rsyslog_writes_into_a_pipe_arrives(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "");
	struct reader *r = site_open_path(s, "/app");

	reader_wait_head(r);
	start_rsyslog(s, "rsyslog-pipe", "/run/ssetail/in/orders", pipe);
	expect_messages(s, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(the_source_of_a_machine_is_a_configuration),
		SITE_TEST(a_machine_is_set_up),
		cmocka_unit_test(all_of_them_are_here),
		SITE_TEST(what_mqtt_brings_arrives),
		SITE_TEST(what_rsyslog_writes_into_a_file_arrives),
		SITE_TEST(what_rsyslog_writes_into_a_pipe_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
