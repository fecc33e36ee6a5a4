#include "fcgi/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG		 4096 /* the kernel cuts it to net.core.somaxconn */
#define FIRST_ACTIVATED	 3    /* SD_LISTEN_FDS_START */
#define LOCK_TRIES	 200
#define LOCK_PAUSE_NS	 10000000 /* 10 ms: two seconds in all */
#define GROUP_LINE_BYTES 65536	  /* of a line in the group database */

#define NO_GROUP ((gid_t)-1) /* chown(2) leaves it as it is */

/* A fault: the sentence, and -1 for the caller to return. */
static int say(char *why, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int say(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return -1;
}

/* Descriptors. */

long listen_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return -1;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			return -1;
	}
	return limit.rlim_cur > INT32_MAX ? INT32_MAX : (long)limit.rlim_cur;
}

/* How the process was started. */

static bool accepts(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 &&
	       value != 0;
}

/* A number from the environment; -1: none. */
static long environment_number(const char *name)
{
	const char *text = getenv(name);
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	long n = strtol(text, &end, 10);
	return *end == '\0' && errno == 0 ? n : -1;
}

/* sd_listen_fds(3): what is meant for another process is not for us. */
static bool is_activated(void)
{
	return environment_number("LISTEN_PID") == (long)getpid() &&
	       environment_number("LISTEN_FDS") > 0;
}

enum listen_kind listen_kind(void)
{
	if (accepts(STDIN_FILENO))
		return LISTEN_INHERITED;
	if (is_activated())
		return LISTEN_ACTIVATED;
	if (getenv("GATEWAY_INTERFACE") != NULL)
		return LISTEN_CGI;
	return LISTEN_OWN;
}

/* The mode is that of the open socket: whoever shares it must be able to
 * live with a socket that does not block, and other processes of ours can. */
static int set_modes(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Moves the socket off descriptor 0, where /dev/null takes its place. */
static int take_inherited(void)
{
	int fd, null;

	if (!accepts(STDIN_FILENO)) {
		errno = ENOTSOCK;
		return -1;
	}
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		return -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || set_modes(fd) != 0) {
		int saved = errno;

		if (null >= 0)
			close(null);
		close(fd);
		errno = saved;
		return -1;
	}
	close(null);
	return fd;
}

static int take_activated(void)
{
	if (!is_activated()) {
		errno = EINVAL;
		return -1;
	}
	if (environment_number("LISTEN_FDS") > 1) {
		errno = E2BIG;
		return -1;
	}
	if (!accepts(FIRST_ACTIVATED)) {
		errno = ENOTSOCK;
		return -1;
	}
	return set_modes(FIRST_ACTIVATED) == 0 ? FIRST_ACTIVATED : -1;
}

int listen_take(enum listen_kind kind)
{
	int fd = -1;

	if (kind == LISTEN_INHERITED)
		fd = take_inherited();
	else if (kind == LISTEN_ACTIVATED)
		fd = take_activated();
	else
		errno = EINVAL;

	int saved = errno;
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	errno = saved;
	return fd;
}

/* TCP. */

static bool read_port(const char *text, in_port_t *port)
{
	unsigned long n = 0;

	if (*text == '\0' || strlen(text) > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = 10 * n + (unsigned long)(*text - '0');
	}
	*port = htons((in_port_t)n);
	return n > 0 && n <= 65535;
}

union socket_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* "127.0.0.1:9000", "[::1]:9000". `out` is all zero. */
static int read_address(const char *address, union socket_address *out,
	socklen_t *len, char *why, size_t size)
{
	bool is_in6 = *address == '[';
	const char *begin = address + is_in6;
	const char *end = is_in6 ? strstr(begin, "]:") : strchr(begin, ':');
	char host[INET6_ADDRSTRLEN];
	in_port_t port;

	if (end == NULL || (!is_in6 && strchr(end + 1, ':') != NULL))
		return say(why, size,
			"\"%s\" is neither an absolute path nor ADDRESS:PORT "
			"nor [ADDRESS6]:PORT",
			address);
	if (!read_port(end + 1 + is_in6, &port))
		return say(why, size,
			"\"%s\": the port is not a number from 1 to 65535",
			address);

	/* One that is too long is left out, and is no address. */
	host[0] = '\0';
	if ((size_t)(end - begin) < sizeof(host)) {
		memcpy(host, begin, (size_t)(end - begin));
		host[end - begin] = '\0';
	}
	if (is_in6) {
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = port;
		*len = sizeof(out->in6);
		if (inet_pton(AF_INET6, host, &out->in6.sin6_addr) == 1)
			return 0;
	} else {
		out->in.sin_family = AF_INET;
		out->in.sin_port = port;
		*len = sizeof(out->in);
		if (inet_pton(AF_INET, host, &out->in.sin_addr) == 1)
			return 0;
	}
	return say(why, size,
		"\"%s\": not a numeric %s address before the port (names are "
		"not looked up)",
		address, is_in6 ? "IPv6" : "IPv4");
}

static int new_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int open_tcp(const char *address, char *why, size_t size)
{
	union socket_address bound;
	socklen_t len = 0;
	int on = 1;
	int fd;

	memset(&bound, 0, sizeof(bound));
	if (read_address(address, &bound, &len, why, size) != 0)
		return -1;
	fd = new_socket(bound.any.sa_family);
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		goto fail;
	if (bound.any.sa_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		goto fail;
	if (bind(fd, &bound.any, len) != 0 || listen(fd, BACKLOG) != 0)
		goto fail;
	return fd;

fail:
	say(why, size, "%s: %s", address, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Unix sockets. */

/* The file that our own socket is bound to. Its path may come to be another
 * one's, and nothing else tells from a descriptor which file is its own. */
static struct {
	dev_t dev;
	ino_t ino;
	int fd;
} own = { .fd = -1 };

/* Returns the descriptor of the folder, locked, or -1 with a sentence. */
static int lock_folder(const char *path, char *why, size_t size)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	size_t len = (size_t)(strrchr(path, '/') - path);
	int fd;

	if (len == 0)
		len = 1; /* the root */
	memcpy(folder, path, len);
	folder[len] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return say(
			why, size, "%s: %s: %s", path, folder, strerror(errno));
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			say(why, size, "%s: %s: cannot be locked: %s", path,
				folder, strerror(errno));
			close(fd);
			return -1;
		}
		if (i == LOCK_TRIES) {
			say(why, size,
				"%s: %s: another process keeps it locked", path,
				folder);
			close(fd);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* Tries to connect. Returns 0 when nobody accepts there, or -1 with a
 * sentence. */
static int check_stale(
	const union socket_address *bound, char *why, size_t size)
{
	const char *path = bound->un.sun_path;
	int fd = new_socket(AF_UNIX);
	int error = 0;

	if (fd < 0)
		return say(why, size, "%s: %s", path, strerror(errno));
	if (connect(fd, &bound->any, sizeof(bound->un)) != 0)
		error = errno;
	close(fd);

	switch (error) {
	case ECONNREFUSED:
	case ENOENT:
		return 0;
	case 0:
	case EAGAIN: /* its backlog is full */
	case EINPROGRESS:
	case EPROTOTYPE: /* of another type */
		return say(why, size,
			"%s: another process listens there already", path);
	default:
		return say(why, size,
			"%s: whether another process listens there cannot be "
			"told: %s",
			path, strerror(error));
	}
}

/* Removes a stale socket. Returns 0 when the path is free, or -1 with a
 * sentence. */
static int clear_path(const union socket_address *bound, char *why, size_t size)
{
	const char *path = bound->un.sun_path;
	struct stat st;

	if (lstat(path, &st) != 0) {
		if (errno == ENOENT)
			return 0;
		return say(why, size, "%s: %s", path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return say(why, size,
			"%s: there is something that is not a socket", path);
	if (check_stale(bound, why, size) != 0)
		return -1;
	if (unlink(path) != 0 && errno != ENOENT)
		return say(why, size,
			"%s: a stale socket cannot be removed: %s", path,
			strerror(errno));
	return 0;
}

/* A name, or a number. */
static int find_group(const char *group, gid_t *gid, char *why, size_t size)
{
	struct group entry, *found = NULL;
	char *line = malloc(GROUP_LINE_BYTES);
	char *end;
	int error = line != NULL ? getgrnam_r(group, &entry, line,
					   GROUP_LINE_BYTES, &found)
				 : ENOMEM;

	if (found != NULL)
		*gid = found->gr_gid;
	free(line);
	if (found != NULL)
		return 0;

	if (*group >= '0' && *group <= '9') {
		errno = 0;
		unsigned long n = strtoul(group, &end, 10);

		if (*end == '\0' && errno == 0 && n < NO_GROUP) {
			*gid = (gid_t)n;
			return 0;
		}
	}
	return say(why, size, "group \"%s\": %s", group,
		error != 0 ? strerror(error) : "there is no such group");
}

/*
 * Gives the path its group and mode. A default ACL of the folder overrides
 * the umask, so the mode is looked at again; AT_SYMLINK_NOFOLLOW and the look
 * keep a planted link from being followed.
 */
static int dress(const char *path, mode_t mode, gid_t gid, struct stat *st)
{
	if (gid != NO_GROUP && lchown(path, (uid_t)-1, gid) != 0)
		return -1;
	if (lstat(path, st) != 0)
		return -1;
	if (!S_ISSOCK(st->st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if ((st->st_mode & 07777) != mode && chmod(path, mode) != 0)
		return -1;
	return 0;
}

/* Before listen(2), a connect is refused: there is no moment in which the
 * socket stands open with another mode or group. */
static int bind_path(int fd, const union socket_address *bound, mode_t mode,
	gid_t gid, char *why, size_t size)
{
	const char *path = bound->un.sun_path;
	mode_t mask = umask(0777 & ~mode);
	int failed = bind(fd, &bound->any, sizeof(bound->un));
	struct stat st;

	umask(mask);
	if (failed)
		return say(why, size, "%s: %s", path, strerror(errno));
	if (dress(path, mode, gid, &st) != 0 || listen(fd, BACKLOG) != 0) {
		say(why, size, "%s: %s", path, strerror(errno));
		unlink(path);
		return -1;
	}
	own.fd = fd;
	own.dev = st.st_dev;
	own.ino = st.st_ino;
	return 0;
}

static int open_path(const char *path, mode_t mode, const char *group,
	char *why, size_t size)
{
	union socket_address bound;
	gid_t gid = NO_GROUP;
	int folder = -1;
	int fd = -1;
	int result = -1;

	memset(&bound, 0, sizeof(bound));
	bound.un.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(bound.un.sun_path))
		return say(why, size,
			"%s: longer than the %zu bytes a socket's path may "
			"have",
			path, sizeof(bound.un.sun_path) - 1);
	memcpy(bound.un.sun_path, path, strlen(path));
	if (group != NULL && find_group(group, &gid, why, size) != 0)
		return -1;

	folder = lock_folder(path, why, size);
	if (folder < 0)
		return -1;
	fd = new_socket(AF_UNIX);
	if (fd < 0)
		say(why, size, "%s: %s", path, strerror(errno));
	else if (clear_path(&bound, why, size) == 0 &&
		 bind_path(fd, &bound, mode & 0777, gid, why, size) == 0)
		result = fd;
	if (result < 0 && fd >= 0)
		close(fd);
	close(folder); /* and with it the lock */
	return result;
}

int listen_open(const char *address, mode_t mode, const char *group, char *why,
	size_t size)
{
	if (*address == '\0')
		return say(why, size, "the address is empty");
	if (*address == '/')
		return open_path(address, mode, group, why, size);
	return open_tcp(address, why, size);
}

void listen_remove(const char *address, int fd)
{
	struct stat st;

	if (*address != '/' || fd < 0 || fd != own.fd)
		return;
	own.fd = -1;
	if (lstat(address, &st) == 0 && st.st_dev == own.dev &&
		st.st_ino == own.ino)
		unlink(address);
}
