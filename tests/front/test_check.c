/*
 * -t, run as a user who may not do much: it names what stands in the way of
 * each source, down to the component of its path, and what mends it.
 */
#include "tests/lib/test.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/process.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Debian's, and that of a user and group nobody has. */
enum { WWW_DATA = 33, ADM = 4, STRANGER = 54321 };

static const char *const programs[] = { "ssetail.fcgi", "ssetail.cgi" };

static const char *folder;

/* What is run is copied to where anybody may run it. */
static int setup(void **state)
{
	(void)state;
	folder = disk_folder();
	for (size_t i = 0; i < COUNT(programs); i++) {
		const char *copy = disk_path(folder, "%s", programs[i]);

		process_copy_program(programs[i], copy);
	}
	return 0;
}

/* ---- running */

struct who {
	uid_t uid;
	gid_t gid;
	gid_t group; /* one more; 0: none */
};

static const struct who www_data = { WWW_DATA, WWW_DATA, 0 };
static const struct who www_data_in_adm = { WWW_DATA, WWW_DATA, ADM };
static const struct who stranger = { STRANGER, STRANGER, 0 };
static const struct who stranger_in_adm = { STRANGER, STRANGER, ADM };

static void become(void *context)
{
	const struct who *who = context;

	if (setgroups(who->group != 0, &who->group) < 0 ||
		setgid(who->gid) < 0 || setuid(who->uid) < 0)
		_exit(126);
}

/* -t with one source, "app", of app.log, as that user (NULL: as we are). */
static struct process *check_as(const char *program, const struct who *who)
{
	const char *config = disk_path(folder, "ssetail.conf");
	struct who copy;

	if (who) {
		test_needs_root("it becomes another user");
		copy = *who;
	}
	disk_write(config, "sources = ( { name = \"app\"; "
			   "path = \"log/app.log\"; type = \"file\"; "
			   "public = true; } );\n");
	return process_start(&(struct process_how){
		.argv = (const char *[]){ disk_path(folder, "%s", program),
			"-c", config, "-t", NULL },
		.in_child = who ? become : NULL,
		.context = who ? &copy : NULL,
	});
}

/* All of the texts, which a NULL ends, are in what either program prints; @
 * stands for the folder. Printed in this order. */
static void expect_(const struct who *who, int code, const char *const *texts)
{
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct process *p = check_as(programs[i], who);
		int ended = process_exit_code(p);
		const char *at = process_errors(p);

		if (ended != code)
			fail_msg(
				"%s ended with %d: %s", programs[i], ended, at);
		if (!texts[0] && *at)
			fail_msg("%s said: %s", programs[i], at);
		for (size_t j = 0; texts[j]; j++) {
			struct bytes text = BYTES_INIT;

			for (const char *s = texts[j]; *s; s++)
				if (*s == '@')
					bytes_add(
						&text, folder, strlen(folder));
				else
					bytes_add(&text, s, 1);
			at = strstr(at, text.data);
			if (!at)
				fail_msg("%s: no \"%s\" behind the one before "
					 "in:\n%s",
					programs[i], text.data,
					process_errors(p));
			bytes_release(&text);
		}
		process_free(p);
	}
}
#define expect(who, code, ...)                                                 \
	(test_at(__FILE__, __LINE__),                                          \
		expect_(who, code,                                             \
			(const char *const[]){ __VA_ARGS__, NULL }))

/* The log's folder and the log, of root, with these modes and this group. */
static void make_log(mode_t folder_mode, mode_t log_mode, gid_t group)
{
	const char *in = disk_subfolder(folder, "log");
	const char *log = disk_path(in, "app.log");

	test_needs_root("the log is root's, and of a group");
	disk_write(log, "a line\n");
	assert_int_equal(chown(log, (uid_t)-1, group), 0);
	assert_int_equal(chown(in, (uid_t)-1, group), 0);
	disk_mode(log, log_mode);
	disk_mode(in, folder_mode);
}

static const char *log_path(const char *name)
{
	return disk_path(folder, "log/%s", name);
}

/* ---- rights */

static void what_can_be_read_is_nothing_to_talk_of(void **state)
{
	(void)state;
	make_log(0755, 0644, 0);
	disk_write(log_path("app.log.1"), "older\n");
	expect(&www_data, 0, NULL);
}

static void a_folder_of_the_group_adm_is_entered_by_joining_it(void **state)
{
	(void)state;
	make_log(0750, 0640, ADM);
	expect(&www_data, EX_NOINPUT, "app: @/log/app.log: cannot be read\n",
		"drwxr-x--- root:adm @/log may not be searched",
		"we are:     www-data, in www-data\n",
		"usermod -aG adm www-data ", "SupplementaryGroups=adm ",
		"beware: ", "useradd --system ");
	/* As the remedy has it. */
	expect(&www_data_in_adm, 0, NULL);
}

static void a_file_of_the_group_adm_likewise(void **state)
{
	(void)state;
	make_log(0755, 0640, ADM);
	expect(&stranger, EX_NOINPUT,
		"-rw-r----- root:adm @/log/app.log may not be read",
		"we are:     54321, in 54321\n",
		"usermod -aG adm \"$(id -un 54321)\" ",
		"SupplementaryGroups=adm ");
	expect(&stranger_in_adm, 0, NULL);
}

static void only_the_web_servers_user_is_warned(void **state)
{
	(void)state;
	make_log(0750, 0640, ADM);
	struct process *p = check_as("ssetail.fcgi", &stranger);

	assert_int_equal(process_exit_code(p), EX_NOINPUT);
	assert_null(strstr(process_errors(p), "beware"));
}

static void what_no_group_may_read_is_granted(void **state)
{
	(void)state;
	make_log(0700, 0600, 0);
	expect(&www_data, EX_NOINPUT,
		"drwx------ root:root @/log may not be searched",
		"setfacl -m u:www-data:rx @/log\n", "beware: ");
	disk_mode(disk_path(folder, "log"), 0755);
	expect(&www_data, EX_NOINPUT,
		"-rw------- root:root @/log/app.log may not be read",
		"setfacl -m u:www-data:r @/log/app.log\n",
		"create 0640 root adm ");
}

static void the_group_root_is_not_joined(void **state)
{
	(void)state;
	make_log(0755, 0640, 0);
	expect(&stranger, EX_NOINPUT, "-rw-r----- root:root ",
		"setfacl -m u:54321:r @/log/app.log\n");
}

static void whoever_is_in_the_group_already_gets_its_bit(void **state)
{
	(void)state;
	make_log(0750, 0600, ADM);
	expect(&stranger_in_adm, EX_NOINPUT,
		"we are:     54321, in 54321, adm\n",
		"chmod g+r @/log/app.log\n", "create 0640 root adm ");
}

static void an_owner_mends_it_alone(void **state)
{
	(void)state;
	make_log(0755, 0, 0);
	assert_int_equal(chown(log_path("app.log"), STRANGER, 0), 0);
	expect(&stranger, EX_NOINPUT, "---------- 54321:root @/log/app.log ",
		"chmod u+r @/log/app.log\n");
}

/* The folder above the log's needs x alone. */
static void a_folder_on_the_way_is_only_searched(void **state)
{
	(void)state;
	const char *far = disk_subfolder(folder, "far");

	disk_subfolder(far, "logs");
	disk_write(disk_path(far, "logs/app.log"), "a line\n");
	disk_link("far/logs", disk_path(folder, "log"));
	disk_mode(far, 0700);
	expect(&stranger, EX_NOINPUT,
		"drwx------ root:root @/far may not be searched",
		"the link @/log leads there\n", "setfacl -m u:54321:x @/far\n");
	disk_mode(far, 0711);
	expect(&stranger, 0, NULL);
}

/* ---- what was rotated */

static void a_folder_that_cannot_be_listed_hides_rotations(void **state)
{
	(void)state;
	make_log(0711, 0644, 0);
	expect(&stranger, EX_NOINPUT, "app: @/log/app.log: can be read, but ",
		"drwx--x--x root:root @/log may not be listed",
		"setfacl -m u:54321:rx @/log\n");
	disk_mode(disk_path(folder, "log"), 0755);
	expect(&stranger, 0, NULL);
}

static void rotated_files_that_cannot_be_opened_are_named(void **state)
{
	(void)state;
	make_log(0755, 0644, 0);
	for (int i = 1; i <= 4; i++)
		disk_write(disk_path(folder, "log/app.log.%d", i), "older\n");
	disk_mode(log_path("app.log.1"), 0600);
	disk_mode(log_path("app.log.3"), 0600);
	/* Is none of it, and this one nobody reads. */
	disk_write(log_path("other.log.1"), "x\n");
	disk_mode(log_path("other.log.1"), 0);
	disk_write(log_path("app.log.5.gz"), "x\n");
	disk_mode(log_path("app.log.5.gz"), 0);
	expect(&stranger, EX_NOINPUT, "can be read, but ",
		"-rw------- root:root @/log/app.log.3 may not be read",
		"-rw------- root:root @/log/app.log.1 may not be read",
		"setfacl -m u:54321:r @/log/app.log.3\n",
		"setfacl -m u:54321:r @/log/app.log.1\n",
		"create 0640 root adm ");
	struct process *p = check_as("ssetail.fcgi", &stranger);
	assert_int_equal(process_exit_code(p), EX_NOINPUT);
	assert_null(strstr(process_errors(p), "other"));
	assert_null(strstr(process_errors(p), "app.log.2"));
	assert_null(strstr(process_errors(p), ".gz"));
	assert_non_null(strstr(process_output(p),
		"1 sources, 0 of them cannot be read now, 1 not in full; "
		"tried as 54321, in 54321\n"));
}

static void one_remedy_is_said_once(void **state)
{
	(void)state;
	make_log(0755, 0640, ADM);
	disk_write(log_path("app.log.1"), "older\n");
	assert_int_equal(chown(log_path("app.log.1"), 0, ADM), 0);
	disk_mode(log_path("app.log.1"), 0640);
	struct process *p = check_as("ssetail.fcgi", &stranger);

	assert_int_equal(process_exit_code(p), EX_NOINPUT);
	const char *once = strstr(process_errors(p), "usermod");
	assert_non_null(strstr(process_errors(p), "/app.log.1 may not"));
	assert_non_null(once);
	assert_null(strstr(once + 1, "usermod"));
}

/* ---- everything else */

static void what_is_absent_is_named_by_its_first_component(void **state)
{
	(void)state;
	expect(NULL, EX_NOINPUT, "app: @/log/app.log: cannot be read\n",
		"  in the way: @/log is not there\n  remedy: ",
		"is waited for\n");
	disk_subfolder(folder, "log");
	expect(NULL, EX_NOINPUT, "in the way: @/log/app.log is not there\n");
	disk_link("none/app.log", log_path("app.log"));
	expect(NULL, EX_NOINPUT,
		"in the way: @/log/none is not there; the link @/log/app.log "
		"leads there\n");
}

static void what_is_no_file_is_said(void **state)
{
	(void)state;
	disk_write(disk_path(folder, "log"), "x\n");
	expect(NULL, EX_NOINPUT, "@/log is not a folder\n",
		"name a regular file\n");
	disk_remove(disk_path(folder, "log"));
	disk_subfolder(folder, "log");
	/* Nobody writes to it: opening it would block. */
	assert_int_equal(mkfifo(log_path("app.log"), 0600), 0);
	expect(NULL, EX_NOINPUT, "in the way: prw------- ",
		" @/log/app.log is not a regular file\n");
	disk_remove(log_path("app.log"));
	disk_subfolder(disk_path(folder, "log"), "app.log");
	expect(NULL, EX_NOINPUT, "in the way: drwxr-xr-x ",
		"@/log/app.log is not a regular file\n");
}

static void links_in_a_circle_are_named(void **state)
{
	(void)state;
	disk_subfolder(folder, "log");
	disk_link("app.log", log_path("app.log"));
	expect(NULL, EX_NOINPUT,
		"in the way: @/log/app.log: Too many levels of symbolic links",
		"set a link that leads to the file\n");
}

/* It opens, and cannot be read: a disk that is failing is like that. */
static void a_file_that_only_fails_when_read_is_found(void **state)
{
	(void)state;
	disk_subfolder(folder, "log");
	disk_link("/proc/self/mem", log_path("app.log"));
	expect(NULL, EX_NOINPUT, "/mem: Input/output error; ",
		"the disk or the file server is at fault");
}

static void root_is_told_that_it_proves_nothing(void **state)
{
	(void)state;
	make_log(0700, 0600, 0);
	struct process *p = check_as("ssetail.cgi", NULL);

	assert_int_equal(process_exit_code(p), 0);
	assert_string_equal(process_errors(p), "");
	assert_non_null(strstr(process_output(p), "; tried as root, in "));
	assert_non_null(strstr(process_output(p), "as the user of the "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_can_be_read_is_nothing_to_talk_of),
		TEST(a_folder_of_the_group_adm_is_entered_by_joining_it),
		TEST(a_file_of_the_group_adm_likewise),
		TEST(only_the_web_servers_user_is_warned),
		TEST(what_no_group_may_read_is_granted),
		TEST(the_group_root_is_not_joined),
		TEST(whoever_is_in_the_group_already_gets_its_bit),
		TEST(an_owner_mends_it_alone),
		TEST(a_folder_on_the_way_is_only_searched),
		TEST(a_folder_that_cannot_be_listed_hides_rotations),
		TEST(rotated_files_that_cannot_be_opened_are_named),
		TEST(one_remedy_is_said_once),
		TEST(what_is_absent_is_named_by_its_first_component),
		TEST(what_is_no_file_is_said),
		TEST(links_in_a_circle_are_named),
		TEST(a_file_that_only_fails_when_read_is_found),
		TEST(root_is_told_that_it_proves_nothing),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
