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
	const char *root; /* its files, for disk_path, while it runs */
	pid_t pid;	  /* of its process 1, outside */
	struct process *boot;
	struct process *journal; /* of the unit: process_errors has it */
};

/* Boots one, or fails the test. Its journal is followed for that unit; NULL:
 * for all. */
void machine_boot(struct machine *m, const char *unit);

/* Kills its process 1, and waits until nothing of it runs. */
void machine_end(struct machine *m);

/* Has its shell, as root, run a command. */
struct process *machine_run(const struct machine *m, const char *command);

/* The same, and waits for its end, which must be a good one. What it put out:
 * valid until the next call. */
const char *machine_do(const struct machine *m, const char *command);

/* ---- units, under the names that systemctl takes */

/* Installs in it what is built, without a look at whether it should be anew, as
 * README.md has it for ssetail as a service; the socket listens then. Programs
 * with sanitizers get the rights that these need. */
void machine_install(const struct machine *m);

/* Adds lines to a unit's [Service]: a drop-in, by its path in there. */
void machine_add_to_unit(
	const struct machine *m, const char *drop_in, const char *lines);

/* As `systemctl show` prints it, with the end of the line. Valid as for
 * machine_do. */
const char *machine_property(
	const struct machine *m, const char *unit, const char *name);

/* machine_do as the main process of a unit might: of its user and groups, and
 * with the files that it sees. No single quote may be in the command. */
const char *machine_do_as(
	const struct machine *m, const char *unit, const char *command);

/* The files and folders that the main process of a unit may write to: paths, a
 * line each, sorted; none below another. Not devices, sockets and pipes, which
 * can be written to wherever there is nothing but reading. */
const char *machine_writable(const struct machine *m, const char *unit);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define machine_boot(...) TEST_HERE(machine_boot(__VA_ARGS__))
#define machine_end(...)  TEST_HERE(machine_end(__VA_ARGS__))
#define machine_run(...)  TEST_HERE(machine_run(__VA_ARGS__))
#define machine_do(...)	  TEST_HERE(machine_do(__VA_ARGS__))

#define machine_install(...)	 TEST_HERE(machine_install(__VA_ARGS__))
#define machine_add_to_unit(...) TEST_HERE(machine_add_to_unit(__VA_ARGS__))
#define machine_property(...)	 TEST_HERE(machine_property(__VA_ARGS__))
#define machine_do_as(...)	 TEST_HERE(machine_do_as(__VA_ARGS__))
#define machine_writable(...)	 TEST_HERE(machine_writable(__VA_ARGS__))
#endif

#endif
