#include "tests/bench/gauge.h"

#include <stdio.h>
#include <time.h>

#include "tests/bench/die.h"

double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec t;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t) < 0)
		die("process %d has no CPU clock", (int)pid);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

size_t pss_bytes(pid_t pid)
{
	char path[64], line[128];
	unsigned long kilobytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	if (!f)
		die_errno("%s", path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %lu kB", &kilobytes) == 1)
			break;
	fclose(f);
	return kilobytes * 1024;
}
