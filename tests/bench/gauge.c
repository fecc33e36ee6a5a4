#include "tests/bench/gauge.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/die.h"

/* ---- time */

double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void sleep_ms(int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* ---- a process */

uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec t;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t) < 0)
		die("process %d has no CPU clock", (int)pid);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

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

size_t pss_bytes(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	return (size_t)number_of(path, "Pss:") * 1024;
}

const char *gauge_setting(void)
{
	return geteuid() == 0 ? "" : "sandbox = false;\n";
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
