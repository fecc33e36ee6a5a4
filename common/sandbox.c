#include "common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Later than Debian 12's header. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP	(1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/* struct landlock_ruleset_attr as it has grown; a kernel takes the part of it
 * that it knows. */
struct ruleset {
	uint64_t files;	  /* version 1 */
	uint64_t network; /* 4 */
	uint64_t scoped;  /* 6 */
};

/* What this process was granted; NULL: nothing is fenced. */
static const struct grants *granted;

int sandbox_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
		LANDLOCK_CREATE_RULESET_VERSION);
}

/* ---- what is handled, and what is granted of it */

static const struct {
	uint64_t right;
	int since;
	bool of_files; /* also where a rule is about a single file */
	unsigned grants;
} rights[] = {
	{ LANDLOCK_ACCESS_FS_READ_FILE, 1, true, GRANT_READ },
	{ LANDLOCK_ACCESS_FS_READ_DIR, 1, false, GRANT_READ },
	{ LANDLOCK_ACCESS_FS_WRITE_FILE, 1, true, GRANT_WRITE },
	{ LANDLOCK_ACCESS_FS_TRUNCATE, 3, true, GRANT_WRITE },
	{ LANDLOCK_ACCESS_FS_MAKE_REG, 1, false, GRANT_WRITE },
	{ LANDLOCK_ACCESS_FS_MAKE_DIR, 1, false, GRANT_WRITE },
	{ LANDLOCK_ACCESS_FS_MAKE_FIFO, 1, false, GRANT_PIPE },
	{ LANDLOCK_ACCESS_FS_REMOVE_FILE, 1, false,
		GRANT_WRITE | GRANT_PIPE | GRANT_REMOVE },
	{ LANDLOCK_ACCESS_FS_REMOVE_DIR, 1, false, 0 },
	{ LANDLOCK_ACCESS_FS_EXECUTE, 1, true, 0 },
	{ LANDLOCK_ACCESS_FS_MAKE_CHAR, 1, false, 0 },
	{ LANDLOCK_ACCESS_FS_MAKE_SOCK, 1, false, 0 },
	{ LANDLOCK_ACCESS_FS_MAKE_BLOCK, 1, false, 0 },
	{ LANDLOCK_ACCESS_FS_MAKE_SYM, 1, false, 0 },
	{ LANDLOCK_ACCESS_FS_REFER, 2, false, 0 },
	{ LANDLOCK_ACCESS_FS_IOCTL_DEV, 5, true, 0 },
};

uint64_t sandbox_rights(unsigned grants, bool is_folder, int version)
{
	uint64_t all = 0;

	for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); i++)
		if ((rights[i].grants & grants) && rights[i].since <= version &&
			(is_folder || rights[i].of_files))
			all |= rights[i].right;
	return all;
}

uint64_t sandbox_handled(int version)
{
	uint64_t all = 0;

	for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); i++)
		if (rights[i].since <= version)
			all |= rights[i].right;
	return all;
}

/* ---- entering */

static int new_ruleset(int version)
{
	struct ruleset all = {
		.files = sandbox_handled(version),
		.network = LANDLOCK_ACCESS_NET_BIND_TCP |
			   LANDLOCK_ACCESS_NET_CONNECT_TCP,
		.scoped = LANDLOCK_SCOPE_SIGNAL,
	};
	size_t size = version < 4   ? offsetof(struct ruleset, network)
		      : version < 6 ? offsetof(struct ruleset, scoped)
				    : sizeof(all);

	return (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
}

/* What has gone since it was found is not granted. */
static int add_rule(int ruleset, const struct grant *grant, int version)
{
	struct landlock_path_beneath_attr rule = { 0 };
	int fd = open(grant->path, O_PATH | O_CLOEXEC);
	struct stat st;
	int result;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : -1;
	result = fstat(fd, &st);
	if (result == 0) {
		rule.parent_fd = fd;
		rule.allowed_access = sandbox_rights(
			grant->rights, S_ISDIR(st.st_mode), version);
		result = (int)syscall(SYS_landlock_add_rule, ruleset,
			LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	close(fd);
	return result;
}

/* LeakSanitizer looks for our threads there when we end. */
static int add_sanitizers_rule(int ruleset, int version)
{
#ifdef __SANITIZE_ADDRESS__
	const struct grant proc = { .path = (char[]){ "/proc" },
		.rights = GRANT_READ };

	return add_rule(ruleset, &proc, version);
#else
	(void)ruleset;
	(void)version;
	return 0;
#endif
}

static int fence(const struct grants *g, int version)
{
	int ruleset = new_ruleset(version);
	int result = ruleset < 0 ? -1 : add_sanitizers_rule(ruleset, version);

	for (size_t i = 0; i < g->count && result == 0; i++)
		if (g->list[i].rights)
			result = add_rule(ruleset, &g->list[i], version);
	if (result == 0)
		result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	if (ruleset >= 0) {
		int error = errno;

		close(ruleset);
		errno = error;
	}
	return result;
}

/*
 * Whatever core_pattern says: a file, a program ("|") or a socket ("@") that
 * takes the dump. It also keeps others of the same user from attaching to us
 * and from reading our memory, and all that /proc tells of it. The limit is for
 * who makes us dumpable again: 1, and not 0, because 1 stops such a program,
 * too, to which the kernel sends a dump without a limit otherwise.
 */
static int forbid_cores(void)
{
	const struct rlimit one = { 1, 1 }, none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -1;
	return setrlimit(RLIMIT_CORE, &one) == 0 ||
			       setrlimit(RLIMIT_CORE, &none) == 0
		       ? 0
		       : -1;
}

int sandbox_enter(const struct grants *g)
{
	int version = sandbox_version();

	if (g->failed) {
		errno = ENOMEM;
		return -1;
	}
	/* Read now, and never again by localtime_r. */
	tzset();
	if (forbid_cores() < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (version >= 1 && fence(g, version) < 0)
		return -1;
	if (version >= 1)
		granted = g;
	return version >= 1 ? version : 0;
}

/* ---- another configuration */

static bool is_unchanged(
	const struct source_config *source, const struct config *running)
{
	const struct source_config *before =
		config_source(running, source->name);

	return before && config_same_source(before, source);
}

bool sandbox_has_room(const struct config *config, const struct config *running,
	struct config_fault *fault)
{
	for (size_t i = 0; granted && i < config->source_count; i++) {
		const struct source_config *source = &config->sources[i];
		struct grants needed = { .is_wary = true };
		bool has_room;

		if (is_unchanged(source, running))
			continue;
		grants_add_source_now(&needed, config, source);
		has_room = !needed.failed &&
			   !grants_find_missing(granted, &needed);
		grants_release(&needed);
		if (has_room)
			continue;
		*fault = (struct config_fault){ .line = source->line };
		snprintf(fault->key, sizeof(fault->key), "sources[%zu]", i);
		snprintf(fault->what, sizeof(fault->what),
			"needs more than the sandbox was granted at the start; "
			"expected a restart, or a path within");
		return false;
	}
	return true;
}

bool sandbox_can_read(const char *path)
{
	char real[PATH_MAX];
	struct grant file = { .path = real, .rights = GRANT_READ };
	const struct grants needed = { .list = &file, .count = 1 };

	return !granted || !realpath(path, real) ||
	       !grants_find_missing(granted, &needed);
}
