#include "tests/bench/machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/bench/die.h"

/* ---- CPUs */

const char *const placement_names[] = { "apart", "together" };

/* As they were given to us. */
static const cpu_set_t *all_cpus(void)
{
	static cpu_set_t all;

	if (CPU_COUNT(&all) == 0 && sched_getaffinity(0, sizeof(all), &all) < 0)
		die_errno("CPUs");
	return &all;
}

size_t cpu_count(void)
{
	return (size_t)CPU_COUNT(all_cpus());
}

static void pin(pid_t pid, bool last)
{
	const cpu_set_t *all = all_cpus();
	size_t cpu = CPU_SETSIZE;
	cpu_set_t set;

	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, all) && (last || cpu == CPU_SETSIZE))
			cpu = i;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set) < 0)
		die_errno("CPU %zu", cpu);
}

void pin_sender(pid_t pid)
{
	pin(pid, false);
}

void pin_readers(enum placement placement)
{
	pin(0, placement == APART);
}

void unpin(void)
{
	sched_setaffinity(0, sizeof(cpu_set_t), all_cpus());
}

/* ---- the machine */

bool want_descriptors(size_t count)
{
	struct rlimit limit, more;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= count)
		return true;
	more.rlim_cur = count;
	more.rlim_max = count > limit.rlim_max ? count : limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &more) == 0;
}

bool has_inotify(size_t count)
{
	int fd = inotify_init1(IN_CLOEXEC);
	bool has = fd >= 0 && (count == 1 || has_inotify(count - 1));

	if (fd >= 0)
		close(fd);
	return has;
}

static void read_cpu_model(char *text, size_t room)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(text, room, "unknown CPU");
	while (f && fgets(line, sizeof(line), f)) {
		const char *value = strstr(line, ": ");

		if (strncmp(line, "model name", 10) != 0 || !value)
			continue;
		snprintf(text, room, "%.*s", (int)strcspn(value + 2, "\n"),
			value + 2);
		break;
	}
	if (f)
		fclose(f);
}

const char *machine_text(void)
{
	static char text[256];
	struct utsname kernel;
	char model[64];

	uname(&kernel);
	read_cpu_model(model, sizeof(model));
	snprintf(text, sizeof(text),
		"%zu CPUs (%s, %s), %.0f GB of memory, "
		"%s %.*s",
		cpu_count(), model, kernel.machine,
		(double)sysconf(_SC_PHYS_PAGES) *
			(double)sysconf(_SC_PAGESIZE) / (1u << 30),
		kernel.sysname, (int)strcspn(kernel.release, "-"),
		kernel.release);
	return text;
}
