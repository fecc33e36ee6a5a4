#include "tests/bench/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/socket.h"

#define RUNNING_MAX 16
#define PATIENCE_MS 20000

static pid_t running[RUNNING_MAX]; /* 0: free */
static pid_t owner;

static void kill_all(void)
{
	for (size_t i = 0; getpid() == owner && i < RUNNING_MAX; i++)
		if (running[i])
			kill(-running[i], SIGKILL);
}

static pid_t *place_of(pid_t pid)
{
	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (running[i] == pid)
			return &running[i];
	die("too many programs");
}

/* Servers are where an administrator's PATH finds them. */
static void prepare(void)
{
	const char *old = getenv("PATH");
	char path[4096];

	if (owner)
		return;
	owner = getpid();
	die_show(folder_path("said"));
	atexit(kill_all);
	snprintf(path, sizeof(path), "%s:/usr/sbin:/sbin",
		old ? old : "/usr/bin:/bin");
	setenv("PATH", path, 1);
}

static _Noreturn void become(const char *const *argv)
{
	int said =
		open(folder_path("said"), O_WRONLY | O_CREAT | O_APPEND, 0644);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(said, 1);
	dup2(said, 2);
	execvp(argv[0], (char *const *)argv);
	fprintf(stderr, "bench: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t program_start(const char *const *argv)
{
	pid_t pid;

	prepare();
	pid = fork();
	if (pid < 0)
		die_errno("fork");
	if (pid == 0)
		become(argv);
	setpgid(pid, pid); /* whoever is first */
	*place_of(0) = pid;
	return pid;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) <
		       0 ||
	       info.si_pid == pid;
}

/* The group lives as long as its leader is not waited for. */
void program_stop(pid_t pid)
{
	kill(pid, SIGTERM);
	for (int ms = 0; !has_ended(pid) && ms < PATIENCE_MS; ms += 10)
		sleep_ms(10);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	*place_of(pid) = 0;
}

void program_wait_accepts(pid_t pid, const char *address)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		int fd = socket_try(address);

		if (fd >= 0) {
			close(fd);
			return;
		}
		if (has_ended(pid))
			die("what was to listen at %s has ended", address);
		sleep_ms(10);
	}
	die("nobody listens at %s", address);
}

/* ---- trees */

static pid_t parent_of(const char *pid)
{
	char path[300], stat[512] = "";
	const char *rest;
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0; /* it has ended meanwhile */
	rest = fgets(stat, sizeof(stat), f) ? strrchr(stat, ')') : NULL;
	fclose(f);
	return rest && sscanf(rest, ") %*c %d", &parent) == 1 ? parent : 0;
}

static void add(struct tree *t, pid_t pid)
{
	t->pids = realloc(t->pids, (t->count + 1) * sizeof(*t->pids));
	if (!t->pids)
		die_errno("memory");
	t->pids[t->count++] = pid;
}

/* All processes, each as its pid and its parent's, one after the other. */
static struct tree read_births(void)
{
	struct tree births = { 0 };
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (atoi(entry->d_name) > 0) {
			add(&births, atoi(entry->d_name));
			add(&births, parent_of(entry->d_name));
		}
	if (!proc)
		die_errno("/proc");
	closedir(proc);
	return births;
}

struct tree tree_find(pid_t root, enum tree_part part)
{
	struct tree t = { 0 }, births = { 0 };

	add(&t, root);
	if (part != TREE_ROOT)
		births = read_births();
	for (size_t i = 0; i < t.count; i++)
		for (size_t j = 0; j < births.count; j += 2)
			if (births.pids[j + 1] == t.pids[i])
				add(&t, births.pids[j]);
	if (part == TREE_DESCENDANTS)
		t.pids[0] = t.pids[--t.count];
	tree_release(&births);
	return t;
}

void tree_release(struct tree *t)
{
	free(t->pids);
	*t = (struct tree){ 0 };
}

double tree_cpu_ns(const struct tree *t)
{
	double sum = 0;

	for (size_t i = 0; i < t->count; i++)
		sum += (double)cpu_ns(t->pids[i]);
	return sum;
}

size_t tree_pss_bytes(const struct tree *t)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->count; i++)
		sum += pss_bytes(t->pids[i]);
	return sum;
}
