#define TESTS_LIB_INSIDE
#include "tests/lib/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/bytes.h"
#include "tests/lib/disk.h"
#include "tests/lib/test.h"

#define SAID_TAIL  2000 /* bytes of standard error that a failure shows */
#define ORPHANS_MS 5000 /* for killed orphans to be gone */
#define ARGV_MAX   64

#define PROGRAM_PATH_MAX (PATH_MAX + 256)

static struct process *processes; /* newest first */

/* ---- starting */

/* A file without a name, which appends. */
static int new_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		test_fail("memfd_create: %s", strerror(errno));
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_APPEND);
	return fd;
}

static void describe_processes(void)
{
	for (struct process *p = processes; p; p = p->next) {
		const char *text = process_errors(p);
		size_t len = p->errors.len;

		if (len == 0)
			continue;
		print_error("  process %d, %s, said\n%s\n", (int)p->pid,
			p->name,
			len > SAID_TAIL ? text + len - SAID_TAIL : text);
	}
}

/* Everything here is async-signal-safe. Never returns. */
static void become(const struct process_how *how, const struct process *p,
	pid_t parent, int report)
{
	char *const *argv = (char *const *)(uintptr_t)how->argv;
	char *const *env =
		how->env ? (char *const *)(uintptr_t)how->env : environ;
	int in = how->stdin_fd ? how->stdin_fd
			       : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = how->stdout_fd ? how->stdout_fd : p->stdout_fd;
	struct rlimit limit = test_first_limit();
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_NOFILE, &limit);
	/* Out of the way of 0, 1 and 2 first. */
	in = fcntl(in, F_DUPFD_CLOEXEC, 10);
	out = fcntl(out, F_DUPFD_CLOEXEC, 10);
	int err = fcntl(p->stderr_fd, F_DUPFD_CLOEXEC, 10);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2 &&
		(!how->folder || chdir(how->folder) == 0)) {
		/* Nothing else is inherited, whoever started the tests. */
		close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
		if (how->in_child)
			how->in_child(how->context);
		execvpe(argv[0], argv, env);
	}
	int error = errno;
	(void)!write(report, &error, sizeof(error));
	_exit(127);
}

struct process *process_start(const struct process_how *how)
{
	static const struct test_module module = { process_free_all,
		describe_processes, NULL };
	int report[2];
	int error;

	test_register(TEST_PROCESSES, &module);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(report, O_CLOEXEC) < 0)
		test_fail("pipe: %s", strerror(errno));
	struct process *p = calloc(1, sizeof(*p));
	if (!p || !(p->name = strdup(how->argv[0])))
		abort();
	p->stdout_fd = new_file("stdout");
	p->stderr_fd = new_file("stderr");
	p->next = processes;
	processes = p;

	pid_t parent = getpid();
	p->pid = fork();
	if (p->pid == 0)
		become(how, p, parent, report[1]);
	close(report[1]);
	if (p->pid < 0)
		test_fail("fork: %s", strerror(errno));
	setpgid(p->pid, p->pid); /* whoever comes first */
	ssize_t n = read(report[0], &error, sizeof(error));
	close(report[0]);
	if (n > 0)
		test_fail("cannot run %s: %s", p->name, strerror(error));
	return p;
}

struct process *process_run(const char *program, ...)
{
	const char *argv[ARGV_MAX] = { program };
	va_list args;

	va_start(args, program);
	for (int i = 1; i < ARGV_MAX - 1; i++)
		if (!(argv[i] = va_arg(args, const char *)))
			break;
	va_end(args);
	return process_start(&(struct process_how){ .argv = argv });
}

/* ---- ending */

static void note_end(struct process *p, int options)
{
	pid_t pid;

	if (p->ended)
		return;
	do {
		pid = waitpid(p->pid, &p->wait_status, options);
	} while (pid < 0 && errno == EINTR);
	p->ended = pid != 0;
}

bool process_runs(struct process *p)
{
	note_end(p, WNOHANG);
	return !p->ended;
}

int process_exit_code(struct process *p)
{
	char what[200];

	snprintf(what, sizeof(what), "the end of process %d, %s", (int)p->pid,
		p->name);
	struct test_wait wait = test_wait_here(what);
	while (process_runs(p))
		test_wait_step(&wait);
	return WIFEXITED(p->wait_status) ? WEXITSTATUS(p->wait_status)
					 : 128 + WTERMSIG(p->wait_status);
}

void process_signal(struct process *p, int signal)
{
	if (process_runs(p))
		kill(p->pid, signal);
}

int process_stop(struct process *p)
{
	process_signal(p, SIGTERM);
	return process_exit_code(p);
}

void process_kill(struct process *p)
{
	process_signal(p, SIGKILL);
	note_end(p, 0);
}

void process_free(struct process *p)
{
	if (!p)
		return;
	struct process **link = &processes;
	while (*link && *link != p)
		link = &(*link)->next;
	if (*link)
		*link = p->next;
	if (p->pid > 0 && process_runs(p)) {
		kill(-p->pid, SIGKILL);
		note_end(p, 0);
	}
	close(p->stdout_fd);
	close(p->stderr_fd);
	bytes_release(&p->output);
	bytes_release(&p->errors);
	free(p->name);
	free(p);
}

void process_free_all(void)
{
	const struct timespec moment = { 0, 1000000 };
	int64_t give_up = test_now_ms() + ORPHANS_MS;
	pid_t orphan;

	while (processes)
		process_free(processes);
	while ((orphan = process_descendant(getpid(), NULL)) > 0 &&
		kill(orphan, SIGKILL) == 0 && test_now_ms() < give_up)
		nanosleep(&moment, NULL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* ---- what it says */

static const char *read_all(int fd, struct bytes *into)
{
	char piece[4096];
	ssize_t n;

	while ((n = pread(fd, piece, sizeof(piece), (off_t)into->len)) > 0)
		bytes_add(into, piece, (size_t)n);
	return bytes_text(into);
}

const char *process_errors(struct process *p)
{
	return read_all(p->stderr_fd, &p->errors);
}

const char *process_output(struct process *p)
{
	return read_all(p->stdout_fd, &p->output);
}

static bool has_said(struct process *p, const char *text)
{
	process_errors(p);
	return bytes_contain(&p->errors, text);
}

void process_wait_errors(struct process *p, const char *text)
{
	char what[200];

	snprintf(what, sizeof(what), "%s to say '%s'", p->name, text);
	struct test_wait wait = test_wait_here(what);
	while (!has_said(p, text)) {
		if (!process_runs(p) && !has_said(p, text))
			test_fail(
				"%s has ended; waited for: %s", p->name, what);
		test_wait_step(&wait);
	}
}

static bool find_program(char path[PROGRAM_PATH_MAX], const char *name)
{
	const char *build = getenv("TEST_BUILD");
	ssize_t len;

	if (build) {
		snprintf(path, PROGRAM_PATH_MAX, "%s/%s", build, name);
		return access(path, X_OK) == 0;
	}
	len = readlink("/proc/self/exe", path, PATH_MAX - 1);
	path[len > 0 ? len : 0] = '\0';
	for (char *slash; (slash = strrchr(path, '/')); *slash = '\0') {
		strcpy(slash + 1, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

const char *process_program(const char *name)
{
	static char path[PROGRAM_PATH_MAX];

	if (!find_program(path, name))
		test_fail("neither TEST_BUILD nor a folder above this program "
			  "has %s",
			name);
	return path;
}

/* Only root can look into a sandbox, as tests do. A sanitizer wants to be
 * loaded before anything else. */
__attribute__((constructor)) static void look_in(void)
{
#ifndef __SANITIZE_ADDRESS__
	char path[PROGRAM_PATH_MAX];

	if (geteuid() != 0 && find_program(path, "tests/tools/lookin.so"))
		setenv("LD_PRELOAD", path, 1);
#endif
}

static void copy_runnable(const char *from, const char *to)
{
	disk_copy(from, to);
	disk_mode(to, 0755);
}

void process_copy_program(const char *name, const char *to)
{
	const char *program = process_program(name);
	struct bytes from = BYTES_INIT, beside = BYTES_INIT;

	copy_runnable(program, to);
	bytes_add_format(&from, "%.*s.%s",
		(int)(strrchr(program, '/') + 1 - program), program, name);
	bytes_add_format(
		&beside, "%.*s.%s", (int)(strrchr(to, '/') + 1 - to), to, name);
	if (disk_exists(from.data))
		copy_runnable(from.data, beside.data);
	bytes_release(&from);
	bytes_release(&beside);
}

#define PORTS_MAX 64

/* Ports that are somebody's here, each by a socket that is bound to it. */
static struct {
	int fd[PORTS_MAX];
	size_t count;
} ports;

static void free_ports(void)
{
	while (ports.count > 0)
		close(ports.fd[--ports.count]);
}

int process_free_port(void)
{
	static const struct test_module module = { free_ports, NULL, NULL };
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	test_register(TEST_PORTS, &module);
	if (ports.count == PORTS_MAX)
		free_ports();
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&address, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		test_fail("no free port: %s", strerror(errno));
	ports.fd[ports.count++] = fd;
	return ntohs(address.sin_port);
}

/* ---- /proc */

static size_t count_entries(pid_t pid, const char *folder)
{
	char path[64];
	size_t count = 0;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, folder);
	DIR *dir = opendir(path);
	if (!dir)
		test_fail("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

size_t process_descriptors(pid_t pid)
{
	/* Of our own list, the folder that is being read is one. */
	return count_entries(pid, "fd") - (pid == getpid());
}

/* Has it memory? What ends gives that up first, and is root's from then on. */
static bool has_memory(pid_t pid)
{
	char path[64], byte;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool has = fd >= 0 && read(fd, &byte, 1) == 1;
	if (fd >= 0)
		close(fd);
	return has;
}

/* Descriptors whose targets, as /proc has them, begin with a text; or are it.
 */
static size_t count_targets(pid_t pid, const char *text, bool is_all)
{
	char path[64], target[PATH_MAX];
	size_t count = 0, len = strlen(text);
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	/* A web server may have started it without what lets us look in. */
	if (!dir && errno == EACCES && has_memory(pid))
		test_needs_root("it looks into a sandbox");
	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(
			dirfd(dir), entry->d_name, target, sizeof(target));

		count += n >= (ssize_t)len && memcmp(target, text, len) == 0 &&
			 (!is_all || n == (ssize_t)len);
	}
	if (dir)
		closedir(dir);
	return count;
}

size_t process_sockets(pid_t pid)
{
	return count_targets(pid, "socket:", false);
}

bool process_has_open(pid_t pid, const char *path)
{
	return count_targets(pid, path, true) > 0;
}

size_t process_threads(pid_t pid)
{
	return count_entries(pid, "task");
}

/* The number that follows a name in a file of /proc. */
static uint64_t read_number(pid_t pid, const char *name, const char *what)
{
	char path[64];
	char line[128];
	size_t len = strlen(what);
	unsigned long long number = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	FILE *file = fopen(path, "re");
	if (!file)
		test_fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, what, len) == 0 &&
			sscanf(line + len, "%llu", &number) == 1)
			break;
	fclose(file);
	return number;
}

uint64_t process_waits(pid_t pid)
{
	return read_number(pid, "status", "voluntary_ctxt_switches:");
}

size_t process_pss_bytes(pid_t pid)
{
	return read_number(pid, "smaps_rollup", "Pss:") * 1024;
}

size_t process_own_bytes(pid_t pid)
{
	return read_number(pid, "smaps_rollup", "Private_Dirty:") * 1024;
}

uint64_t process_cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec t;
	int error = clock_getcpuclockid(pid, &clock);

	if (error || clock_gettime(clock, &t) < 0)
		test_fail("no CPU clock of process %d", (int)pid);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The parent of a process, or 0 if it is gone or a zombie. */
static pid_t parent_of(pid_t pid)
{
	char path[64];
	char text[512];
	char state;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	/* "pid (name) state parent ...", and a name may hold ")". */
	const char *rest = strrchr(text, ')');
	if (!rest || sscanf(rest, ") %c %d", &state, &parent) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : (pid_t)parent;
}

static bool descends(pid_t pid, pid_t from)
{
	while ((pid = parent_of(pid)) > 0)
		if (pid == from)
			return true;
	return false;
}

/* Is that what memcheck runs there? See tests/tools/valgrind. */
static bool is_in_memcheck(pid_t pid, const char *name)
{
	char path[64], argv[8192];
	ssize_t len;
	int fd;

	if (!test_is_memcheck())
		return false;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, argv, sizeof(argv));
	close(fd);
	/* One of its arguments ends so. */
	return len > 0 &&
	       memmem(argv, strnlen(argv, (size_t)len), "valgrind", 8) &&
	       memmem(argv, (size_t)len, name, strlen(name) + 1);
}

/* The name that the kernel gives it, cut: the beginning of its file's. */
static bool is_named(pid_t pid, const char *name)
{
	char path[64], comm[17] = "";

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool is_read = fgets(comm, sizeof(comm), file) != NULL;
	fclose(file);
	comm[strcspn(comm, "\n")] = '\0';
	return is_read && strncmp(comm, name, 15) == 0;
}

static bool is_called(pid_t pid, const char *name)
{
	char path[64];
	char file[PATH_MAX];

	if (!name)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	ssize_t len = readlink(path, file, sizeof(file) - 1);
	if (len <= 0)
		return errno == EACCES && has_memory(pid) &&
		       is_named(pid, name);
	file[len] = '\0';
	const char *slash = strrchr(file, '/');
	return strcmp(slash ? slash + 1 : file, name) == 0 ||
	       is_in_memcheck(pid, name);
}

void process_each_descendant(pid_t from, const char *name,
	void (*call)(void *context, pid_t pid), void *context)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (isdigit((unsigned char)entry->d_name[0]) &&
			descends(pid, from) && is_called(pid, name))
			call(context, pid);
	}
	if (dir)
		closedir(dir);
}

static void count_one(void *context, pid_t pid)
{
	(void)pid;
	++*(size_t *)context;
}

size_t process_descendants(pid_t pid, const char *name)
{
	size_t count = 0;

	process_each_descendant(pid, name, count_one, &count);
	return count;
}

static void keep_one(void *context, pid_t pid)
{
	*(pid_t *)context = pid;
}

pid_t process_descendant(pid_t pid, const char *name)
{
	pid_t one = -1;

	process_each_descendant(pid, name, keep_one, &one);
	return one;
}
