#define TESTS_LIB_INSIDE
#include "tests/lib/machine.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/disk.h"
#include "tests/lib/recipe.h"
#include "tests/lib/test.h"

static const char *const environment[] = { "LC_ALL=C", "HOME=/root",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", NULL };

/* Waits for nothing. */
static void begin(struct machine *m)
{
	const char *folder = disk_folder();

	*m = (struct machine){ .root = disk_subfolder(folder, "root") };
	/* Without it systemd takes this for a first boot, and enables all that
	 * is installed here. */
	disk_touch(disk_path(disk_subfolder(m->root, "etc"), "machine-id"));
	m->boot = process_run("tests/tools/boot", folder, NULL);
}

struct process *machine_run(const struct machine *m, const char *command)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)m->pid);
	return process_start(&(struct process_how){
		.argv = (const char *[]){ "nsenter", "--all", "--target", pid,
			"sh", "-c", command, NULL },
		.env = environment });
}

const char *machine_do(const struct machine *m, const char *command)
{
	static struct bytes output;
	struct process *p = machine_run(m, command);
	int code = process_exit_code(p);

	if (code != 0)
		test_fail("exit code %d of: %s\n%s", code, command,
			process_output(p));
	bytes_clear(&output);
	bytes_add_text(&output, process_output(p));
	process_free(p);
	return bytes_text(&output);
}

static pid_t read_pid(const char *path)
{
	struct bytes text = BYTES_INIT;
	pid_t pid;

	disk_read(&text, path);
	pid = (pid_t)atoi(bytes_text(&text));
	bytes_release(&text);
	return pid;
}

static bool are_same(const char *a, const char *b)
{
	struct stat is_a, is_b;

	return stat(a, &is_a) == 0 && stat(b, &is_b) == 0 &&
	       is_a.st_dev == is_b.st_dev && is_a.st_ino == is_b.st_ino;
}

/* Finds its process 1, and what that sees as root: with what is mounted there.
 * It begins with ours. */
static void enter(struct machine *m, const struct test_wait *wait)
{
	const char *pid = disk_path(m->root, "../pid"), *root;

	while (!disk_exists(pid)) {
		if (!process_runs(m->boot))
			test_fail("nothing was booted");
		test_wait_step(wait);
	}
	m->pid = read_pid(pid);
	root = disk_path("/proc", "%d/root", (int)m->pid);
	while (!are_same(root, m->root))
		test_wait_step(wait);
	m->root = root;
}

/* Has systemd come so far that it does what it is told? It was told to come
 * to basic.target anyway. */
static bool is_up(const struct machine *m)
{
	struct process *p =
		machine_run(m, "systemctl start basic.target 2>/dev/null");
	bool up = process_exit_code(p) == 0;

	process_free(p);
	return up;
}

void machine_boot(struct machine *m, const char *unit)
{
	char follow[256];
	struct test_wait wait = test_wait_here("a system to boot");

	test_needs_root("it boots a system");
	begin(m);
	enter(m, &wait);
	while (!disk_exists(disk_path(m->root, "run/systemd/private")) ||
		!is_up(m))
		test_wait_step(&wait);
	snprintf(follow, sizeof(follow),
		"exec journalctl --follow --lines=all --output=cat %s%s >&2",
		unit ? "--unit=" : "", unit ? unit : "");
	m->journal = machine_run(m, follow);
}

void machine_end(struct machine *m)
{
	int code = process_stop(m->boot);

	if (code != 0)
		test_fail("exit code %d of the system's end", code);
	process_free(m->journal);
	process_free(m->boot);
	m->boot = m->journal = NULL;
}

/* ---- units */

void machine_add_to_unit(
	const struct machine *m, const char *drop_in, const char *lines)
{
	char command[200];

	snprintf(command, sizeof(command), "mkdir -p $(dirname %s)", drop_in);
	machine_do(m, command);
	disk_write(disk_path(m->root, "%s", drop_in), "[Service]\n%s", lines);
	machine_do(m, "systemctl daemon-reload");
}

static void make_install(const struct machine *m)
{
	char build[PATH_MAX];
	char command[2 * PATH_MAX + 200];

	snprintf(build, sizeof(build), "%s", process_program("ssetail.fcgi"));
	*strrchr(build, '/') = '\0';
	snprintf(command, sizeof(command),
		"unset MAKEFLAGS MFLAGS MAKELEVEL; umask 022; "
		"make -s -o all BUILD=%s PREFIX=/usr/local "
		"SYSCONFDIR=/etc/ssetail DESTDIR=%s install",
		build, m->root);
	if (process_exit_code(process_run("sh", "-c", command, NULL)) != 0)
		test_fail("make install");
}

/* What looks for leaks does it as a debugger would. */
static void allow_sanitizers(const struct machine *m)
{
#ifdef __SANITIZE_ADDRESS__
	static const char *const drop_ins[] = {
		"/etc/systemd/system/ssetail.service.d/sanitizers.conf",
		"/etc/systemd/system/ssetail-publish@.service.d/sanitizers.conf"
	};

	for (size_t i = 0; i < 2; i++)
		machine_add_to_unit(
			m, drop_ins[i], "SystemCallFilter=ptrace\n");
#else
	(void)m;
#endif
}

void machine_install(const struct machine *m)
{
	struct bytes commands = recipe_read("README.md", "service");

	make_install(m);
	allow_sanitizers(m);
	machine_do(m, bytes_text(&commands));
	bytes_release(&commands);
}

const char *machine_property(
	const struct machine *m, const char *unit, const char *name)
{
	char command[150];

	snprintf(command, sizeof(command), "systemctl show -P %s %s", name,
		unit);
	return machine_do(m, command);
}

const char *machine_do_as(
	const struct machine *m, const char *unit, const char *command)
{
	char as[500];

	snprintf(as, sizeof(as),
		"pid=$(systemctl show -P MainPID %s); nsenter -m -t $pid "
		"setpriv --reuid $(ps -o uid= $pid) --regid $(ps -o gid= $pid) "
		"--groups $(ps -o supgid= $pid) sh -c '%s'",
		unit, command);
	return machine_do(m, as);
}

/* /usr, which is large, is for reading whatever a unit says. */
const char *machine_writable(const struct machine *m, const char *unit)
{
	return machine_do_as(m, unit,
		"find / /usr/local -path /proc -prune -o -path /usr -prune -o "
		"-writable ! -type l ! -type c ! -type s ! -type p "
		"-print -prune | sort");
}
