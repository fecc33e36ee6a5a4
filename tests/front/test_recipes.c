/*
 * The recipes of README.md, as they stand there: each is the block behind a
 * comment <!-- test: NAME -->. Their folder is one of ours here, and so are
 * journalctl and docker: programs of these names that print what the test
 * appends to a file.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"
#include "tests/lib/process.h"
#include "tests/lib/recipe.h"
#include "tests/lib/site.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The recipe of that name. */
static struct bytes recipe(const char *name)
{
	return recipe_read("README.md", name);
}

static const char *const names[] = { "folder", "journal", "container", "filter",
	"stdbuf", "logrotate", "shared", "check", "unit", "sources", "vmstat",
	"prices", "chat" };

static void all_of_them_are_here(void **state)
{
	(void)state;
	/* Those of several machines: tests/cluster; of the service:
	 * tests/servers. */
	assert_int_equal(recipe_count("README.md"), COUNT(names) + 2 + 1);
	for (size_t i = 0; i < COUNT(names); i++) {
		struct bytes text = recipe(names[i]);

		bytes_release(&text);
	}
}

/* ---- running one */

/* What both stand-ins print, all that is in it and what is appended. */
static const char *printed(const struct site *s)
{
	return disk_path(s->folder, "printed");
}

static void write_stand_in(const struct site *s, const char *name)
{
	const char *path = disk_path(s->folder, "bin/%s", name);

	disk_write(path,
		"#!/bin/sh\n"
		"echo %s \"$@\" >>%s/calls\n"
		"echo %s to stderr >&2\n"
		"exec tail -n +1 -f %s\n",
		name, s->folder, name, printed(s));
	disk_mode(path, 0755);
}

static struct process *run_recipe(const struct site *s, const char *name)
{
	struct bytes text = recipe(name), path = BYTES_INIT;
	struct process *p;

	recipe_replace(&text, "/var/log/ssetail", disk_path(s->folder, "logs"));
	if (strstr(text.data, "-g ssetail"))
		recipe_replace(&text, "-g ssetail",
			geteuid() == 0 ? "-g nogroup" : "");
	bytes_add_format(&path, "PATH=%s/bin:/usr/bin:/bin", s->folder);
	p = process_start(&(struct process_how){
		.argv = (const char *[]){ "/bin/sh", "-c", text.data, NULL },
		.env = (const char *[]){ path.data, NULL },
	});
	bytes_release(&text);
	bytes_release(&path);
	return p;
}

/* The folder of the recipe, with the stand-ins: ssetail is a user who may
 * read there as a member of the group, and nothing else. */
static void prepare(struct site *s)
{
	struct stat st;

	s->unprivileged = true;
	disk_subfolder(s->folder, "bin");
	write_stand_in(s, "journalctl");
	write_stand_in(s, "docker");
	disk_touch(printed(s));
	assert_int_equal(process_exit_code(run_recipe(s, "folder")), 0);
	assert_int_equal(stat(disk_path(s->folder, "logs"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 02750);
}

static bool was_called(const struct site *s, const char *command)
{
	struct bytes calls = BYTES_INIT;
	bool was = false;

	if (disk_exists(disk_path(s->folder, "calls"))) {
		disk_read(&calls, disk_path(s->folder, "calls"));
		was = strstr(bytes_text(&calls), command) != NULL;
	}
	bytes_release(&calls);
	return was;
}

static bool has(struct reader *r, const char *type, const char *data)
{
	return reader_find_event(r, 0, type, data) >= 0;
}

/* ---- the recipes */

static void lines_that_programs_print_arrive_one_by_one(void **state)
{
	struct site *s = *state;
	char line[301];

	prepare(s);
	site_configure(s,
		"sources = (\n"
		"{ name = \"journal\"; path = \"logs/ssh.log\"; },\n"
		"{ name = \"container\"; path = \"logs/web.log\"; },\n"
		"{ name = \"filter\"; path = \"logs/sshd.log\"; },\n"
		"{ name = \"stdbuf\"; path = \"logs/short.log\"; } );\n");
	run_recipe(s, "journal");
	run_recipe(s, "container");
	run_recipe(s, "filter");
	run_recipe(s, "stdbuf");
	struct reader *r =
		site_open_path(s, "/journal,container,filter,stdbuf");
	for (int i = 0; i < 5; i++) {
		snprintf(line, sizeof(line), "sshd: line %d", i);
		disk_append(printed(s), "%s\n", line);
		wait_for(has(r, "journal", line));
		wait_for(has(r, "container", line));
		wait_for(has(r, "filter", line));
		wait_for(has(r, "stdbuf", line));
	}
	assert_true(was_called(s, "journalctl -f -n 0 -u ssh\n"));
	assert_true(was_called(s, "journalctl -f -n 0\n"));
	assert_true(was_called(s, "docker logs -f --tail 0 web\n"));
	assert_true(has(r, "container", "docker to stderr"));
	assert_true(has(r, "stdbuf", "docker to stderr"));
	assert_false(has(r, "journal", "journalctl to stderr"));
	/* What the filters are for. */
	memset(line, 'x', 300);
	line[300] = '\0';
	disk_append(printed(s), "%s\nsshd: end\n", line);
	wait_for(has(r, "filter", "sshd: end"));
	assert_false(has(r, "filter", line));
	wait_for(has(r, "journal", line));
	line[200] = '\0';
	wait_for(has(r, "stdbuf", line));
}

/* Rotates what the configuration of the recipe names, as if it was time. */
static void rotate(const struct site *s)
{
	const char *config = disk_path(s->folder, "logrotate.conf");
	struct bytes text = recipe("logrotate");

	recipe_replace(&text, "/var/log/ssetail", disk_path(s->folder, "logs"));
	disk_write_bytes(config, text.data, text.len);
	disk_mode(config, 0644);
	bytes_release(&text);
	struct process *p = process_run("/usr/sbin/logrotate", "-f", "-s",
		disk_path(s->folder, "logrotate.state"), config, NULL);
	if (process_exit_code(p) != 0)
		fail_msg("logrotate: %s", process_errors(p));
}

static void rotation_takes_what_was_printed_and_loses_nothing(void **state)
{
	struct site *s = *state;
	char line[32];
	struct stat st;

	prepare(s);
	const char *log = disk_path(s->folder, "logs/ssh.log");
	site_configure(s, "sources = (\n"
			  "{ name = \"ssh\"; path = \"logs/ssh.log\"; } );\n");
	run_recipe(s, "journal");
	struct reader *r = site_open_path(s, "/ssh");
	for (int i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		disk_append(printed(s), "%s\n", line);
		reader_wait_data(r, line);
		/* The writer goes on where the file was cut to. */
		assert_int_equal(stat(log, &st), 0);
		assert_int_equal(st.st_size, strlen("line N\n"));
		rotate(s);
		assert_int_equal(stat(log, &st), 0);
		assert_int_equal(st.st_size, 0);
	}
	assert_true(disk_exists(disk_path(s->folder, "logs/ssh.log.2")));
	assert_false(disk_exists(disk_path(s->folder, "logs/ssh.log.3")));
	assert_int_equal(reader_find_event(r, 0, "gap", NULL), -1);
}

/* The folder that is uploaded, and nothing else: what --init is told of the
 * host is the folder that it is then in. */
static void the_error_log_of_a_shared_host_is_for_its_owner(void **state)
{
	(void)state;
	const char *home = disk_folder();
	const char *upload = disk_path(home, "upload");
	const char *www = disk_subfolder(home, "www");
	const char *log = disk_path(www, "error_log");
	const char *openssl = disk_path(disk_subfolder(home, "bin"), "openssl");
	const char *program = disk_path(
		disk_subfolder(disk_subfolder(home, "build"), "static"),
		"ssetail.cgi");
	const char *const known[] = { "REMOTE_USER=USER", "AUTH_TYPE=Basic",
		NULL };
	struct bytes text = recipe("shared"), path = BYTES_INIT;

	process_copy_program("ssetail.cgi", program);
	/* The real one asks at the terminal. */
	disk_write(openssl, "#!/bin/sh\necho \"the hash by $*\"\n");
	disk_mode(openssl, 0755);
	recipe_replace(
		&text, "/home/me/public_html/log", disk_path(www, "log"));
	bytes_add_format(&path, "PATH=%s/bin:/usr/bin:/bin", home);
	struct process *p = process_start(&(struct process_how){
		.argv = (const char *[]){ "/bin/sh", "-ec", text.data, NULL },
		.env = (const char *[]){ path.data, NULL },
		.folder = home,
	});
	if (process_exit_code(p) != 0)
		fail_msg("%s", process_errors(p));
	bytes_release(&path);
	bytes_clear(&text);
	disk_read(&text, disk_path(upload, ".htpasswd"));
	assert_string_equal(text.data, "USER:the hash by passwd -apr1\n");
	bytes_clear(&text);
	disk_read(&text, disk_path(upload, ".htaccess"));
	assert_true(bytes_contain(&text, disk_path(www, "log/.htpasswd")));
	bytes_release(&text);
	assert_int_equal(disk_entries(upload), 4);

	disk_rename(upload, disk_path(www, "log"));
	disk_write(log, "PHP Warning\n");
	const struct cgi_how how = {
		.program = disk_path(www, "log/ssetail.cgi"), .folder = "/"
	};
	struct cgi_client *c = cgi_open(
		&how, &(struct ask){ .path = "/error", .variables = known });
	reader_expect_event(&c->reader, 0, "message", "PHP Warning");
	disk_append(log, "PHP Fatal error\n");
	reader_expect_event(&c->reader, 1, "message", "PHP Fatal error");
	c = cgi_open(&how, &(struct ask){ .path = "/error" });
	reader_expect_status(&c->reader, 404);
}

/* Of the one-liners: into the pipes of this site, as that user. */
static struct process *run_line(
	const struct site *s, const char *name, const char *user)
{
	struct bytes text = recipe(name), setting = BYTES_INIT;
	struct process *p;

	recipe_replace(&text, "/run/ssetail/in", s->folder);
	bytes_add_format(&setting, "USER=%s", user);
	p = process_start(&(struct process_how){
		.argv = (const char *[]){ "/bin/sh", "-c", text.data, NULL },
		.env = (const char *[]){ setting.data, "PATH=/usr/bin:/bin",
			NULL },
	});
	bytes_release(&text);
	bytes_release(&setting);
	return p;
}

static void the_classic_demonstrations_take_a_line_each(void **state)
{
	struct site *s = *state;
	struct bytes sources = recipe("sources");
	struct reader *count, *now, *vmstat, *prices, *chat;
	struct process *load;
	char number[16];

	/* Only the clocks run faster here. */
	recipe_replace(&sources, "/run/ssetail/in", s->folder);
	recipe_replace(
		&sources, "count = 100;", "count = 100; interval = 0.01;");
	recipe_replace(&sources, "show = \"time\";",
		"show = \"time\"; interval = 0.01;");
	site_configure(s, "state_dir = \"%s\";\n%s",
		disk_subfolder(s->folder, "state"), sources.data);
	bytes_release(&sources);

	count = site_open_path(s, "/count");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(number, sizeof(number), "%u", i + 1);
		reader_expect_event(count, i, "message", number);
	}
	reader_wait_end(count);
	now = site_open_path(s, "/time");
	reader_wait_events(now, 3);
	assert_int_equal(strlen(reader_event(now, 2)->data),
		strlen("2026-01-31 12:34:56"));

	vmstat = site_open_path(s, "/vmstat");
	prices = site_open_path(s, "/prices");
	chat = site_open_path(s, "/chat");
	wait_for(vmstat->sse.checkpoints && prices->sse.checkpoints &&
		 chat->sse.checkpoints);
	load = run_line(s, "vmstat", "ann");
	wait_for(reader_find_event(vmstat, 0, "message", NULL) >= 0);
	assert_non_null(strstr(reader_event(vmstat, 0)->data, "procs"));
	/* Its second line names the columns, the others hold figures. */
	reader_wait_events(vmstat, 4);
	assert_true(process_runs(load));
	process_stop(load);
	assert_int_equal(process_exit_code(run_line(s, "prices", "ann")), 0);
	reader_expect_event(prices, 0, "EUR", "{\"USD\": 1.0843}");
	assert_int_equal(process_exit_code(run_line(s, "chat", "ann")), 0);
	assert_int_equal(process_exit_code(run_line(s, "chat", "bob")), 0);
	reader_expect_event(chat, 0, "message", "ann: hello");
	reader_expect_event(chat, 1, "message", "bob: hello");
}

/* A file that is Debian's is named with what mends it. */
static void t_asks_as_the_web_servers_user(void **state)
{
	(void)state;
	const char *folder = disk_folder();
	const char *program = disk_path(folder, "ssetail.fcgi");
	struct bytes text = recipe("check"), setting = BYTES_INIT;

	test_needs_root("it becomes www-data");
	process_copy_program("ssetail.fcgi", program);
	disk_write(disk_path(folder, "ssetail.conf"),
		"sources = ( { name = \"a\"; path = \"a.log\"; "
		"public = true; } );");
	disk_write(disk_path(folder, "a.log"), "a line\n");
	disk_mode(disk_path(folder, "a.log"), 0640);
	assert_int_equal(chown(disk_path(folder, "a.log"), 0, 4), 0);
	recipe_replace(&text, "/usr/local/lib/ssetail/ssetail.fcgi", program);
	bytes_add_format(&setting, "SSETAIL_CONF=%s/ssetail.conf", folder);
	struct process *p = process_start(&(struct process_how){
		.argv = (const char *[]){ "/bin/sh", "-c", text.data, NULL },
		.env = (const char *[]){ setting.data, "PATH=/usr/bin:/bin",
			NULL },
	});
	bytes_release(&text);
	bytes_release(&setting);
	assert_int_equal(process_exit_code(p), EX_NOINPUT);
	assert_non_null(strstr(process_errors(p), "in www-data\n"));
	assert_non_null(strstr(process_errors(p), "usermod -aG adm www-data "));
	assert_non_null(strstr(process_errors(p), "beware: "));
}

static void the_unit_has_the_lines_that_are_shown(void **state)
{
	(void)state;
	struct bytes text = recipe("unit"), unit = BYTES_INIT;

	disk_read(&unit, "conf/systemd/ssetail.service");
	if (!bytes_contain(&unit, text.data))
		fail_msg("not in the unit: %s", text.data);
	bytes_release(&text);
	bytes_release(&unit);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(all_of_them_are_here, test_cleanup),
		SITE_TESTS(lines_that_programs_print_arrive_one_by_one),
		SITE_TESTS(the_classic_demonstrations_take_a_line_each),
		SITE_TESTS(rotation_takes_what_was_printed_and_loses_nothing),
		cmocka_unit_test_teardown(
			the_error_log_of_a_shared_host_is_for_its_owner,
			test_cleanup),
		cmocka_unit_test_teardown(
			t_asks_as_the_web_servers_user, test_cleanup),
		cmocka_unit_test_teardown(
			the_unit_has_the_lines_that_are_shown, test_cleanup),
	};

	return cmocka_run_group_tests_name("recipes", tests, NULL, NULL);
}
