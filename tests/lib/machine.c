#define TESTS_LIB_INSIDE
#include "tests/lib/machine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/disk.h"
#include "tests/lib/test.h"

static const char *const environment[] = { "LC_ALL=C", "HOME=/root",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", NULL };

struct process *machine_try(struct machine *m)
{
	const char *folder = disk_folder();

	*m = (struct machine){ .root = disk_subfolder(folder, "root") };
	/* Without it systemd takes this for a first boot, and enables all that
	 * is installed here. */
	disk_touch(disk_path(disk_subfolder(m->root, "etc"), "machine-id"));
	m->boot = process_run("tests/tools/boot", folder, NULL);
	return m->boot;
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
	const char *pid;
	struct test_wait wait = test_wait_here("a system to boot");

	machine_try(m);
	pid = disk_path(m->root, "../pid");
	while (!disk_exists(pid)) {
		if (!process_runs(m->boot))
			test_fail("nothing was booted");
		test_wait_step(&wait);
	}
	m->pid = read_pid(pid);
	while (!disk_exists(disk_path(m->root, "run/systemd/private")) ||
		!is_up(m))
		test_wait_step(&wait);
	snprintf(follow, sizeof(follow),
		"exec journalctl --follow --lines=all --output=cat "
		"--unit=%s >&2",
		unit);
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
