/*
 * machine: a system of its own under a real systemd, booted by
 * tests/tools/boot: /usr is the one outside, and all else begins empty, with
 * the users that Debian has. It is up as far as basic.target, the journal
 * included; nothing of it is to be seen outside but the files of `root`.
 *
 * Needs root. Ends with the test program at the latest, however that ends.
 */
#ifndef SSETAIL_TESTS_MACHINE_H
#define SSETAIL_TESTS_MACHINE_H

#include <sys/types.h>

#include "tests/lib/process.h"

struct machine {
	const char *root; /* its files, for disk_path; not /dev /proc /sys /usr,
			   * but /usr/local. Valid until test_cleanup */
	pid_t pid;	  /* of its process 1, outside */
	struct process *boot;
	struct process *journal; /* of the unit: process_errors has it */
};

/* Boots one, or fails the test. Its journal is followed for that unit. */
void machine_boot(struct machine *m, const char *unit);

/* Begins to, and waits for nothing: what has begun, m->boot. */
struct process *machine_try(struct machine *m);

/* Kills its process 1, and waits until nothing of it runs. */
void machine_end(struct machine *m);

/* Has its shell, as root, run a command. */
struct process *machine_run(const struct machine *m, const char *command);

/* The same, and waits for its end, which must be a good one. What it put out:
 * valid until the next call. */
const char *machine_do(const struct machine *m, const char *command);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define machine_boot(...) TEST_HERE(machine_boot(__VA_ARGS__))
#define machine_try(...)  TEST_HERE(machine_try(__VA_ARGS__))
#define machine_end(...)  TEST_HERE(machine_end(__VA_ARGS__))
#define machine_run(...)  TEST_HERE(machine_run(__VA_ARGS__))
#define machine_do(...)	  TEST_HERE(machine_do(__VA_ARGS__))
#endif

#endif
