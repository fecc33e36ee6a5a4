#include "tests/bench/machine.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/die.h"

void sleep_ms(int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

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

/* ---- a process */

/* The number after a name in a file of /proc. */
static uint64_t number_of(const char *path, const char *name)
{
	unsigned long long number = 0;
	size_t len = strlen(name);
	char line[256];
	FILE *f = fopen(path, "re");

	if (!f)
		die_errno("%s", path);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, name, len) == 0 &&
			sscanf(line + len, "%llu", &number) == 1)
			break;
	fclose(f);
	return number;
}

uint64_t wakeups(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return number_of(path, "voluntary_ctxt_switches:");
}

/* ---- unix sockets */

/* What the socket of this answer holds, or 0 when it has another name. */
static size_t bytes_of(
	const struct nlmsghdr *answer, const char *path, size_t *sockets)
{
	struct unix_diag_msg *m = NLMSG_DATA(answer);
	const char *end = (const char *)answer + answer->nlmsg_len;
	const struct rtattr *a = (const struct rtattr *)(m + 1);
	bool is_ours = false;
	uint32_t bytes = 0;

	for (; (const char *)a < end;
		a = (const struct rtattr *)((const char *)a +
					    RTA_ALIGN(a->rta_len))) {
		const uint32_t *info = RTA_DATA(a);

		if (a->rta_type == UNIX_DIAG_NAME)
			is_ours =
				strncmp(RTA_DATA(a), path, RTA_PAYLOAD(a)) == 0;
		else if (a->rta_type == UNIX_DIAG_MEMINFO)
			bytes = info[SK_MEMINFO_WMEM_ALLOC];
	}
	if (!is_ours || m->udiag_state != 1 /* established */)
		return 0;
	++*sockets;
	return bytes;
}

size_t unix_bytes(const char *path, size_t *sockets)
{
	const struct {
		struct nlmsghdr head;
		struct unix_diag_req request;
	} ask = {
		.head = { .nlmsg_len = sizeof(ask),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.request = { .sdiag_family = AF_UNIX,
			.udiag_states = UINT32_MAX,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_MEMINFO },
	};
	_Alignas(struct nlmsghdr) static char answer[65536];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	size_t bytes = 0;
	bool done = false;

	*sockets = 0;
	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0)
		die_errno("sock_diag");
	while (!done) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);
		unsigned left = got < 0 ? 0 : (unsigned)got;

		done = got <= 0;
		for (struct nlmsghdr *h = (struct nlmsghdr *)answer;
			NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
				bytes += bytes_of(h, path, sockets);
			else
				done = true;
		}
	}
	close(fd);
	return bytes;
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
		(double)number_of("/proc/meminfo", "MemTotal:") / 1048576,
		kernel.sysname, (int)strcspn(kernel.release, "-"),
		kernel.release);
	return text;
}
