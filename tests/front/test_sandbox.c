/*
 * The sandbox around both programs: what was not granted cannot be reached
 * even where a link of a source leads to it, what may be needed can be, and a
 * kernel without Landlock is one line in the log.
 *
 * That kernel is made by a filter of system calls, an older one by strace(1),
 * which changes what Landlock says of its version. Where this kernel has no
 * Landlock, that line is all there is to see.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"
#include "tests/lib/responder.h"

#define NOTICE                                                                 \
	"warning: sandbox: this kernel has no Landlock: all that this user "   \
	"may read can be read\n"

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
		       LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* In the child: the system call is unknown. */
static void be_without_landlock(void *unused)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset,
			0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(*code),
		code };

	(void)unused;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(126);
}

/*
 * A source "linked": in/app/log, a link to in/data/log; and a file that is
 * nowhere near.
 */
struct outside {
	struct responder r;
	const char *link;
	const char *inside;
	const char *elsewhere;
	const char *secret;
};

static void prepare(struct outside *o, const char *settings)
{
	o->elsewhere = disk_folder();
	o->secret = disk_path(o->elsewhere, "secret");
	disk_write(o->secret, "secret\n");
	responder_prepare(
		&o->r, &(struct responder_how){ .settings = settings,
			       .sources = ", { name = \"linked\"; "
					  "path = \"in/app/log\"; }" });
	const char *in = disk_subfolder(o->r.folder, "in");

	o->link = disk_path(disk_subfolder(in, "app"), "log");
	o->inside = disk_path(disk_subfolder(in, "data"), "log");
	disk_write(o->inside, "inside\n");
	disk_link(o->inside, o->link);
}

static void lead(const struct outside *o, const char *target)
{
	const char *next = disk_path(o->r.folder, "next");

	disk_link(target, next);
	disk_rename(next, o->link);
}

static void expect_refused(struct reader *r)
{
	reader_wait_data(
		r, "{\"source\": \"linked\", \"reason\": \"permission\"}");
	assert_int_equal(reader_find_event(r, 0, NULL, "secret"), -1);
}

static struct reader *follow(const struct outside *o)
{
	return &responder_follow(&o->r, &(struct ask){ .path = "/linked" })
			->reader;
}

static struct reader *follow_by_cgi(const struct outside *o)
{
	return &responder_open_cgi(&o->r, &(struct ask){ .path = "/linked" })
			->reader;
}

/* Is led out by a link, and back. */
static void expect_fenced(const struct outside *o, struct reader *r)
{
	reader_wait_data(r, "inside");
	lead(o, o->secret);
	expect_refused(r);
	lead(o, o->inside);
	disk_append(o->inside, "inside again\n");
	reader_wait_data(r, "inside again");
	assert_int_equal(reader_find_event(r, 0, NULL, "secret"), -1);
	reader_close(r);
}

static void a_file_outside_cannot_be_opened(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "");
	responder_run(&o.r, NULL);
	if (!has_landlock()) {
		process_wait_errors(o.r.process, NOTICE);
		return;
	}
	expect_fenced(&o, follow(&o));
	disk_write(o.inside, "inside\n");
	expect_fenced(&o, follow_by_cgi(&o));
	assert_null(strstr(process_errors(o.r.process), "sandbox"));
}

/* With another notion of its version, on a kernel that has at least that. */
static void an_older_landlock_fences_as_well(void **state)
{
	(void)state;
	for (int version = 1; has_landlock() && version <= 6; version++) {
		struct outside o;
		char inject[100];

		prepare(&o, "");
		snprintf(inject, sizeof(inject),
			"inject=landlock_create_ruleset:retval=%d:when=1",
			version);
		o.r.process = process_start(&(struct process_how){
			.argv = (const char *[]){ "strace", "-f", "-qq", "-o",
				"/dev/null", "-e",
				"trace=landlock_create_ruleset", "-e", inject,
				process_program("ssetail.fcgi"), "-c",
				o.r.config, "-l", o.r.address, NULL } });
		process_wait_errors(o.r.process, "info: start: ");
		expect_fenced(&o, follow(&o));
		process_free(o.r.process);
	}
}

static void a_kernel_without_it_is_one_line_in_the_log(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "");
	responder_run(&o.r,
		&(struct responder_how){ .in_child = be_without_landlock });
	process_wait_errors(o.r.process, NOTICE);
	struct reader *r = follow(&o);
	reader_wait_data(r, "inside");
	/* It is the sandbox alone that keeps this from being read. */
	lead(&o, o.secret);
	reader_wait_data(r, "secret");
	assert_null(strstr(
		strstr(process_errors(o.r.process), NOTICE) + strlen(NOTICE),
		"sandbox"));
	/* Not a line for each client. */
	struct cgi_client *c =
		cgi_open(&(struct cgi_how){ .config = o.r.config,
				 .in_child = be_without_landlock },
			&(struct ask){ .path = "/linked" });
	reader_wait_data(&c->reader, "secret");
	assert_string_equal(process_errors(c->process), "");
}

static void false_switches_it_off(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "sandbox = false;");
	responder_run(&o.r, NULL);
	struct reader *r = follow(&o), *by_cgi = follow_by_cgi(&o);

	reader_wait_data(r, "inside");
	reader_wait_data(by_cgi, "inside");
	lead(&o, o.secret);
	reader_wait_data(r, "secret");
	reader_wait_data(by_cgi, "secret");
	assert_null(strstr(process_errors(o.r.process), "sandbox"));
}

static void sandbox_paths_are_granted_too(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "");
	disk_write(o.r.config,
		"sandbox_paths = [ \"nothing\", \"%s\" ];\n"
		"sources = ( { name = \"linked\"; path = \"in/app/log\"; } );",
		o.elsewhere);
	responder_run(&o.r, NULL);
	if (has_landlock())
		process_wait_errors(o.r.process,
			"/nothing: is not there: needs a restart when it is\n");
	struct reader *r = follow(&o), *by_cgi = follow_by_cgi(&o);

	reader_wait_data(r, "inside");
	reader_wait_data(by_cgi, "inside");
	lead(&o, o.secret);
	reader_wait_data(r, "secret");
	reader_wait_data(by_cgi, "secret");
}

/* ---- what may come */

/* The folder of a source, with another log in it. */
static void a_folder_may_be_replaced(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "");
	responder_run(&o.r, NULL);
	struct reader *r = follow(&o), *by_cgi = follow_by_cgi(&o);
	const char *app = disk_path(o.r.folder, "in/app");

	reader_wait_data(r, "inside");
	reader_wait_data(by_cgi, "inside");
	disk_rename(app, disk_path(o.r.folder, "in/old"));
	disk_write(disk_path(disk_subfolder(o.r.folder, "in/app"), "log"),
		"replaced\n");
	reader_wait_data(r, "replaced");
	reader_wait_data(by_cgi, "replaced");
}

/* As those do who install each version beside the last one. */
static void a_link_may_be_switched_to_what_is_beside(void **state)
{
	struct responder r;

	(void)state;
	responder_prepare(&r,
		&(struct responder_how){ .sources = ", { name = \"app\"; path "
						    "= \"app/now/log/x\"; }" });
	const char *app = disk_subfolder(r.folder, "app");
	const char *now = disk_path(app, "now");

	disk_subfolder(app, "releases");
	for (int i = 1; i <= 3; i++) {
		char name[20];

		snprintf(name, sizeof(name), "releases/%d", i);
		disk_write(disk_path(disk_subfolder(
					     disk_subfolder(app, name), "log"),
				   "x"),
			"of %d\n", i);
	}
	disk_link("releases/1", now);
	responder_run(&r, NULL);
	struct reader *c =
		&responder_follow(&r, &(struct ask){ .path = "/app" })->reader;
	reader_wait_data(c, "of 1");
	for (int i = 2; i <= 3; i++) {
		char name[20];

		snprintf(name, sizeof(name), "releases/%d", i);
		disk_link(name, disk_path(app, "next"));
		disk_rename(disk_path(app, "next"), now);
		snprintf(name, sizeof(name), "of %d", i);
		reader_wait_data(c, name);
	}
}

/* Made again by us, and its spool moved on, from inside. */
static void a_pipe_may_be_made_again(void **state)
{
	struct responder r;

	(void)state;
	responder_prepare(&r,
		&(struct responder_how){ .settings = "state_dir = \"state\";",
			.sources = ", { name = \"pipe\"; path = \"in/pipe\"; "
				   "type = \"fifo\"; create = true; "
				   "spool_size = 131072; }" });
	disk_subfolder(r.folder, "state");
	const char *pipe = disk_path(disk_subfolder(r.folder, "in"), "pipe");

	responder_run(&r, NULL);
	struct reader *c =
		&responder_follow(&r, &(struct ask){ .path = "/pipe" })->reader;
	for (int i = 0; i < 3; i++) {
		char line[20];

		for (int j = 0; j < 1000; j++)
			pipe_write(pipe, "%d %0100d\n", i, j);
		snprintf(line, sizeof(line), "end %d", i);
		pipe_write(pipe, "%s\n", line);
		reader_wait_data(c, line);
		assert_int_equal(unlink(pipe), 0);
	}
	assert_int_equal(reader_find_event(c, 0, "gap", NULL), -1);
}

/* ---- another configuration */

static const char *reload(const struct responder *r)
{
	size_t said = strlen(process_errors(r->process));

	process_signal(r->process, SIGHUP);
	wait_for(strstr(process_errors(r->process) + said,
			 "reload: nothing has changed\n") ||
		 strstr(process_errors(r->process) + said, " removed\n"));
	return process_errors(r->process) + said;
}

static void configure(const struct outside *o, const char *path)
{
	disk_write(o->r.config,
		"sources = (\n"
		"\t{ name = \"linked\"; path = \"in/app/log\"; },\n"
		"\t{ name = \"more\"; path = \"%s\"; } );\n",
		path);
}

static void expect_answer(const struct outside *o, const char *path, int status)
{
	struct front_client *c =
		responder_open(&o->r, &(struct ask){ .path = path });

	reader_expect_status(&c->reader, status);
	reader_close(&c->reader);
}

static void a_reload_beyond_it_needs_a_restart(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "");
	configure(&o, "in/more");
	responder_run(&o.r, NULL);
	/* Elsewhere, but inside. */
	configure(&o, "in/data/more");
	assert_non_null(strstr(reload(&o.r), "1 changed"));
	if (!has_landlock())
		return;
	configure(&o, o.secret);
	const char *said = reload(&o.r);

	assert_non_null(strstr(said, "ssetail.conf:3: sources[1]: "));
	assert_non_null(strstr(said, "expected a restart"));
	assert_non_null(strstr(said, "reload: nothing has changed\n"));
	/* The old one stays. */
	disk_write(disk_path(o.r.folder, "in/data/more"), "more\n");
	struct reader *r =
		&responder_follow(&o.r, &(struct ask){ .path = "/more" })
			 ->reader;
	reader_wait_data(r, "more");
	expect_answer(&o, "/linked", 200);
	/* With the restart it is in force. */
	assert_int_equal(process_stop(o.r.process), 0);
	responder_run(&o.r, NULL);
	r = &responder_follow(&o.r, &(struct ask){ .path = "/more" })->reader;
	reader_wait_data(r, "secret");
}

/* A link in the configuration's place, to its copy in a folder. */
static void move_configuration(const struct outside *o, const char *folder)
{
	struct bytes text = BYTES_INIT;
	const char *to = disk_path(folder, "conf");
	const char *next = disk_path(o->r.folder, "next.conf");

	disk_read(&text, o->r.config);
	disk_write(to, "%s", bytes_text(&text));
	disk_link(to, next);
	disk_rename(next, o->r.config);
	bytes_release(&text);
}

static void a_configuration_beyond_it_needs_a_restart(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "");
	responder_run(&o.r, NULL);
	/* Elsewhere, but inside. */
	move_configuration(&o, disk_subfolder(o.r.folder, "conf"));
	assert_non_null(strstr(reload(&o.r), "0 changed"));
	move_configuration(&o, o.elsewhere);
	const char *said = reload(&o.r);

	if (has_landlock()) {
		assert_non_null(strstr(said,
			"ssetail.conf: cannot be read: is not within what the "
			"sandbox was granted at the start; expected a "
			"restart\n"));
		assert_non_null(strstr(said, "reload: nothing has changed\n"));
	} else {
		assert_non_null(strstr(said, "0 changed"));
	}
	expect_answer(&o, "/linked", 200);
	/* With the restart it is. */
	assert_int_equal(process_stop(o.r.process), 0);
	responder_run(&o.r, NULL);
	assert_non_null(strstr(reload(&o.r), "0 changed"));
	/* That it is gone is said as without a sandbox. */
	disk_remove(o.r.config);
	assert_non_null(
		strstr(reload(&o.r), "conf: No such file or directory\n"));
}

static void a_source_that_stays_needs_no_room(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "");
	configure(&o, "in/more");
	responder_run(&o.r, NULL);
	/* Where it is now nothing was granted; that was so before. */
	lead(&o, o.secret);
	configure(&o, "in/data/more");
	assert_non_null(strstr(reload(&o.r), "1 changed"));
}

static void switching_it_needs_a_restart(void **state)
{
	struct outside o;

	(void)state;
	prepare(&o, "");
	responder_run(&o.r, NULL);
	disk_write(o.r.config,
		"sandbox = false; sandbox_paths = [ \"/\" ];\n"
		"sources = ( { name = \"linked\"; path = \"in/app/log\"; } "
		");\n");
	assert_non_null(strstr(reload(&o.r),
		"sandbox, sandbox_paths: as before, until a restart"));
}

/* ---- what else is given up */

static const char *status_of(struct process *p, const char *file)
{
	static struct bytes text;

	bytes_clear(&text);
	disk_read(&text, disk_path("/proc", "%d/%s", (int)p->pid, file));
	return bytes_text(&text);
}

static void there_are_no_new_privileges(void **state)
{
	static const char *const settings[] = { "", "sandbox = false;" };

	(void)state;
	for (int off = 0; off < 2; off++) {
		struct outside o;

		prepare(&o, settings[off]);
		responder_run(&o.r, NULL);
		struct reader *r = follow_by_cgi(&o);
		struct process *all[] = { o.r.process, cgi_of(r)->process };

		reader_wait_data(r, "inside");
		/* It was said before the sandbox was entered. */
		expect_answer(&o, "/linked", 200);
		for (int i = 0; i < 2; i++) {
			char line[40];

			snprintf(line, sizeof(line), "NoNewPrivs:\t%d", !off);
			assert_non_null(
				strstr(status_of(all[i], "status"), line));
		}
	}
}

/* Up to the hard limit. */
static void allow_cores(void *unused)
{
	struct rlimit limit;

	(void)unused;
	unsetenv("LD_PRELOAD");
	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
}

static bool leaves_core(const char *settings)
{
	struct outside o;

	prepare(&o, settings);
	responder_run(&o.r, &(struct responder_how){ .in_child = allow_cores,
				    .folder = o.r.folder });
	expect_answer(&o, "/linked", 200);
	/* Dumps core, as what a sanitizer takes for itself would. */
	process_signal(o.r.process, SIGQUIT);
	assert_int_equal(process_exit_code(o.r.process), 128 + SIGQUIT);
	return WCOREDUMP(o.r.process->wait_status) ||
	       disk_exists(disk_path(o.r.folder, "core"));
}

/* To a file. What keeps a program or a socket from being given one, without
 * changing what all of this machine do, is what the next test sees. */
static void a_crash_leaves_no_core(void **state)
{
	(void)state;
	struct bytes pattern = BYTES_INIT;
	struct rlimit limit;

	assert_false(leaves_core(""));
	/* Where the kernel keeps them in files, without the sandbox it does. */
	disk_read(&pattern, "/proc/sys/kernel/core_pattern");
	getrlimit(RLIMIT_CORE, &limit);
	if (limit.rlim_max == RLIM_INFINITY && responder_memory_is_real() &&
		strcmp(bytes_text(&pattern), "core\n") == 0)
		assert_true(leaves_core("sandbox = false;"));
	bytes_release(&pattern);
}

/* In the child: what is run next has the rights of its user, and even as root
 * no capability. */
static void be_ordinary(void *unused)
{
	(void)unused;
	/* What lets tests look in. */
	unsetenv("LD_PRELOAD");
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

/* As a debugger would, or another program of the same user that was taken
 * over. */
static bool can_be_looked_into(const char *settings)
{
	struct outside o;

	prepare(&o, settings);
	responder_run(&o.r, &(struct responder_how){ .in_child = be_ordinary });
	expect_answer(&o, "/linked", 200);
	struct process *cat = process_start(&(struct process_how){
		.argv = (const char *[]){ "cat",
			disk_path("/proc", "%d/environ", (int)o.r.process->pid),
			NULL },
		.in_child = be_ordinary });

	return process_exit_code(cat) == 0;
}

static void the_same_user_cannot_look_into_it(void **state)
{
	(void)state;
	assert_false(can_be_looked_into(""));
	assert_true(can_be_looked_into("sandbox = false;"));
}

/* ---- -t */

static const char *checked(const struct outside *o,
	void (*in_child)(void *context), const char *program)
{
	struct process *p = process_start(&(struct process_how){
		.argv = (const char *[]){ process_program(program), "-c",
			o->r.config, "-t", NULL },
		.in_child = in_child });

	assert_int_equal(process_exit_code(p), 0);
	return process_output(p);
}

static void t_says_what_is_granted(void **state)
{
	struct outside o;
	struct bytes expected = BYTES_INIT;

	(void)state;
	prepare(&o, "listen = \"run/socket\"; state_dir = \"state\"; "
		    "sandbox_paths = [ \"nothing\" ];");
	disk_subfolder(o.r.folder, "run");
	disk_subfolder(o.r.folder, "state");
	bytes_add_format(&expected,
		"sandbox: %s: read\n"
		"sandbox: %s/state: read, write\n"
		"sandbox: %s/run: remove the socket\n"
		"sandbox: /proc: read\n"
		"sandbox: %s/nothing: is not there: needs a restart when it "
		"is\n"
		"sandbox: %s/in: read\n"
		"sandbox: %s/in/data: read\n",
		o.r.folder, o.r.folder, o.r.folder, o.r.folder, o.r.folder,
		o.r.folder);
	const char *said = checked(&o, NULL, "ssetail.fcgi");
	size_t len = strlen(bytes_text(&expected));

	if (strncmp(said, bytes_text(&expected), len) != 0)
		fail_msg("not\n%sbut\n%s", bytes_text(&expected), said);
	assert_int_equal(strstr(said, "Landlock") == NULL, has_landlock());
	/* A socket is none of its business. */
	said = checked(&o, be_without_landlock, "ssetail.cgi");
	assert_null(strstr(said, "/run: "));
	assert_non_null(strstr(said,
		"sandbox: this kernel has no Landlock: all that this user may "
		"read can be read\n"));
	bytes_release(&expected);
	prepare(&o, "sandbox = false;");
	assert_non_null(
		strstr(checked(&o, NULL, "ssetail.cgi"), "sandbox: off\n"));
}

static void a_source_in_the_root_is_warned_of(void **state)
{
	static const char warning[] = "sandbox: linked: is granted /: all "
				      "that this user may read can be read\n";
	struct outside o;

	(void)state;
	prepare(&o, "");
	/* Nothing is made there. */
	lead(&o, "/no-such-file-here");
	responder_run(&o.r, NULL);
	if (!has_landlock())
		return;
	process_wait_errors(o.r.process, warning);
	assert_null(strstr(process_errors(o.r.process), "sandbox: log: "));
	struct process *p = process_run(
		process_program("ssetail.fcgi"), "-c", o.r.config, "-t", NULL);
	process_exit_code(p);
	assert_non_null(strstr(process_errors(p), warning));
	assert_null(strstr(process_errors(p), "sandbox: log: "));
}

#define TEST(name) cmocka_unit_test_teardown(name, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_file_outside_cannot_be_opened),
		TEST(an_older_landlock_fences_as_well),
		TEST(a_kernel_without_it_is_one_line_in_the_log),
		TEST(false_switches_it_off),
		TEST(sandbox_paths_are_granted_too),
		TEST(a_folder_may_be_replaced),
		TEST(a_link_may_be_switched_to_what_is_beside),
		TEST(a_pipe_may_be_made_again),
		TEST(a_reload_beyond_it_needs_a_restart),
		TEST(a_configuration_beyond_it_needs_a_restart),
		TEST(a_source_that_stays_needs_no_room),
		TEST(switching_it_needs_a_restart),
		TEST(there_are_no_new_privileges),
		TEST(a_crash_leaves_no_core),
		TEST(the_same_user_cannot_look_into_it),
		TEST(t_says_what_is_granted),
		TEST(a_source_in_the_root_is_warned_of),
	};

	return test_run("sandbox", tests, sizeof(tests) / sizeof(*tests), 3);
}
