/* Real sockets, in a folder of their own. */
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/listen.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static char folder[] = "/tmp/ssetail-listen-XXXXXX";
static char path[64]; /* of the socket in it */

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder); /* fails if anything else was left behind */
}

static int clear_folder(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* Whoever listens: listen_open would be tested by itself. */
static int listen_plainly(int type)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int connect_plainly(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(un.sun_path, path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int open_well(mode_t mode, const char *group)
{
	char why[256] = "";
	int fd = listen_open(path, mode, group, why, sizeof(why));

	if (fd < 0)
		fail_msg("%s", why);
	return fd;
}

static void expect_refused(const char *address, const char *sentence)
{
	char why[512] = "";
	int fd = listen_open(address, 0600, NULL, why, sizeof(why));

	assert_int_equal(fd, -1);
	if (strstr(why, sentence) == NULL)
		fail_msg("\"%s\": %s", address, why);
}

static bool has_flags(int fd)
{
	return (fcntl(fd, F_GETFL) & O_NONBLOCK) &&
	       (fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

/* Runs `body` in a process of its own, which returns 0 when all is well. */
#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__,    \
				__LINE__, #condition, errno);                  \
			return 1;                                              \
		}                                                              \
	} while (0)

static void in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A path. */

static void a_path_can_be_connected_to(void **state)
{
	int fd = open_well(0600, NULL);
	int client = connect_plainly();
	struct sockaddr_un name;
	socklen_t len = sizeof(name);

	(void)state;
	assert_true(fd > 2);
	assert_true(client >= 0);
	assert_true(has_flags(fd));
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	assert_string_equal(name.sun_path, path);

	int accepted = accept(fd, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	close(accepted);
	close(client);
	close(fd);
}

static void the_mode_is_the_one_asked_for_whatever_the_umask(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	static const mode_t modes[] = { 0600, 0660, 0666, 0777, 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(masks); i++)
		for (size_t j = 0; j < COUNT(modes); j++) {
			mode_t before = umask(masks[i]);
			int fd = open_well(modes[j], NULL);
			mode_t mask = umask(before);
			struct stat st;

			assert_int_equal(mask, masks[i]);
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(st.st_mode & 07777, modes[j]);
			listen_remove(path, fd);
			close(fd);
		}
}

static void the_group_is_a_name_or_a_number(void **state)
{
	struct stat st;
	char number[24];
	char why[256];

	(void)state;
	snprintf(number, sizeof(number), "%u", (unsigned)getegid());
	int fd = open_well(0660, number);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_gid, getegid());
	close(fd);

	/* Only root may give it to a group that it is not in. */
	struct group *named = getgrgid(geteuid() == 0 ? 1 : getegid());
	assert_non_null(named);
	gid_t gid = named->gr_gid;
	fd = open_well(0660, named->gr_name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode & 0777, 0660);
	close(fd);

	static const char *const none[] = { "no-such-group", "", "-1", "1x",
		"4294967295", "99999999999999999999" };
	for (size_t i = 0; i < COUNT(none); i++) {
		assert_int_equal(
			listen_open(path, 0600, none[i], why, sizeof(why)), -1);
		assert_non_null(strstr(why, "there is no such group"));
	}
}

static void a_stale_socket_is_replaced(void **state)
{
	(void)state;
	close(listen_plainly(SOCK_STREAM));
	assert_int_equal(connect_plainly(), -1);
	int fd = open_well(0600, NULL);
	int client = connect_plainly();

	assert_true(client >= 0);
	close(client);
	close(fd);
}

static void a_live_socket_is_refused_and_lives_on(void **state)
{
	int alive = listen_plainly(SOCK_STREAM);

	(void)state;
	expect_refused(path, "another process listens there already");
	int client = connect_plainly();
	assert_true(client >= 0);

	/* Its backlog of one is full now: it still is not stale. */
	int more[8];
	for (size_t i = 0; i < COUNT(more); i++)
		more[i] = connect_plainly();
	assert_int_equal(more[COUNT(more) - 1], -1);
	expect_refused(path, "another process listens there already");
	for (size_t i = 0; i < COUNT(more); i++)
		if (more[i] >= 0)
			close(more[i]);
	close(client);
	close(alive);
}

static void our_own_live_socket_is_refused_too(void **state)
{
	int fd = open_well(0600, NULL);

	(void)state;
	expect_refused(path, "another process listens there already");
	int client = connect_plainly();
	assert_true(client >= 0);
	close(client);
	listen_remove(path, fd);
	assert_int_equal(access(path, F_OK), -1);
	close(fd);
}

static void a_datagram_socket_is_left_alone(void **state)
{
	int fd = listen_plainly(SOCK_DGRAM);

	(void)state;
	expect_refused(path, "another process listens there already");
	assert_int_equal(access(path, F_OK), 0);
	close(fd);
}

static void what_is_no_socket_is_never_touched(void **state)
{
	struct stat before, after;
	enum { REGULAR, LINK, DANGLING, FOLDER, PIPE, KINDS };

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		if (kind == REGULAR)
			close(open(path, O_CREAT | O_WRONLY, 0640));
		else if (kind == LINK)
			assert_int_equal(symlink("/dev/null", path), 0);
		else if (kind == DANGLING)
			assert_int_equal(symlink("nowhere", path), 0);
		else if (kind == FOLDER)
			assert_int_equal(mkdir(path, 0750), 0);
		else
			assert_int_equal(mkfifo(path, 0640), 0);
		assert_int_equal(lstat(path, &before), 0);
		expect_refused(path, "something that is not a socket");
		assert_int_equal(lstat(path, &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_int_equal(before.st_mode, after.st_mode);
		assert_int_equal(remove(path), 0);
	}
}

static void a_path_that_cannot_be_says_why(void **state)
{
	char longest[160];
	char missing[96];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	snprintf(longest, sizeof(longest), "%s/", folder);
	longest[strlen(longest)] = 'x';
	longest[108] = '\0';
	expect_refused(longest, "longer than the 107 bytes");
	longest[107] = '\0';
	char why[256];
	int fd = listen_open(longest, 0600, NULL, why, sizeof(why));
	assert_true(fd >= 0);
	listen_remove(longest, fd);
	close(fd);

	snprintf(missing, sizeof(missing), "%s/none/s", folder);
	expect_refused(missing, "No such file or directory");
	expect_refused("/dev/null/s", "Not a directory");
	expect_refused("/", "something that is not a socket");
	snprintf(missing, sizeof(missing), "%s/", folder);
	expect_refused(missing, "something that is not a socket");
}

static void a_socket_is_removed_only_while_it_is_ours(void **state)
{
	int fd = open_well(0600, NULL);

	(void)state;
	/* Somebody removed it by hand, and another took the path. */
	unlink(path);
	int other = listen_plainly(SOCK_STREAM);
	listen_remove(path, fd);
	assert_int_equal(access(path, F_OK), 0);
	listen_remove(path, other);
	assert_int_equal(access(path, F_OK), 0);
	listen_remove("127.0.0.1:9000", fd);
	listen_remove(path, -1);
	assert_int_equal(access(path, F_OK), 0);
	close(other);
	close(fd);
}

/* The folder's lock. */

static void a_lock_that_is_let_go_is_waited_for(void **state)
{
	int lock = open(folder, O_RDONLY | O_CLOEXEC);
	int status;

	(void)state;
	assert_int_equal(flock(lock, LOCK_EX), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char why[256];

		close(lock);
		_exit(listen_open(path, 0600, NULL, why, sizeof(why)) < 0);
	}
	poll(NULL, 0, 100);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(access(path, F_OK), -1);
	close(lock);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_lock_that_is_kept_is_said(void **state)
{
	int lock = open(folder, O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(flock(lock, LOCK_EX), 0);
	expect_refused(path, "another process keeps it locked");
	assert_int_equal(access(path, F_OK), -1);
	close(lock);
}

/* One of those that start at once: tells how it went, and stays until the
 * gate closes. */
static void start_at_gate(int gate, int results)
{
	struct pollfd open_gate = { .fd = gate, .events = POLLIN };
	struct pollfd closed_gate = { .fd = gate, .events = 0 };
	char why[256] = "";
	char result;

	poll(&open_gate, 1, -1);
	int fd = listen_open(path, 0600, NULL, why, sizeof(why));
	result = fd >= 0						? 'y'
		 : strstr(why, "another process listens there already") ? 'n'
									: '?';
	if (result == '?')
		fprintf(stderr, "%s\n", why);
	if (write(results, &result, 1) != 1)
		_exit(1);
	poll(&closed_gate, 1, -1); /* until it hangs up */
	_exit(0);
}

static void of_many_that_start_at_once_one_gets_the_path(void **state)
{
	enum { MANY = 8, ROUNDS = 40 };

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int gate[2], results[2];
		int winners = 0;
		pid_t pids[MANY];

		unlink(path);
		if (round % 2) /* every other time a stale socket is there */
			close(listen_plainly(SOCK_STREAM));
		assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
		assert_int_equal(pipe2(results, O_CLOEXEC), 0);
		for (int i = 0; i < MANY; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				close(gate[1]);
				start_at_gate(gate[0], results[1]);
			}
		}
		assert_int_equal(write(gate[1], "go", 2), 2);
		for (int i = 0; i < MANY; i++) {
			char result;

			assert_int_equal(read(results[0], &result, 1), 1);
			assert_int_not_equal(result, '?');
			winners += result == 'y';
		}
		assert_int_equal(winners, 1);
		int client = connect_plainly();
		assert_true(client >= 0);
		close(client);
		close(gate[1]);
		for (int i = 0; i < MANY; i++)
			assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
		close(gate[0]);
		close(results[0]);
		close(results[1]);
	}
}

/* Addresses. */

static void an_address_that_is_none_says_why(void **state)
{
	static const struct {
		const char *address;
		const char *sentence;
	} table[] = {
		{ "", "the address is empty" },
		{ "9000", "is neither an absolute path" },
		{ "run/s", "is neither an absolute path" },
		{ "localhost", "is neither an absolute path" },
		{ "::1:9000", "is neither an absolute path" },
		{ "[::1]", "is neither an absolute path" },
		{ "[::1]9000", "is neither an absolute path" },
		{ "localhost:9000", "not a numeric IPv4 address" },
		{ "*:9000", "not a numeric IPv4 address" },
		{ ":9000", "not a numeric IPv4 address" },
		{ "127.1:9000", "not a numeric IPv4 address" },
		{ "1.2.3.4.5:9000", "not a numeric IPv4 address" },
		{ " 127.0.0.1:9000", "not a numeric IPv4 address" },
		{ "[]:9000", "not a numeric IPv6 address" },
		{ "[127.0.0.1]:9000", "not a numeric IPv6 address" },
		{ "[::1%lo]:9000", "not a numeric IPv6 address" },
		{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:9000",
			"not a numeric IPv6 address" },
		{ "127.0.0.1:", "the port is not a number" },
		{ "127.0.0.1:0", "the port is not a number" },
		{ "127.0.0.1:65536", "the port is not a number" },
		{ "127.0.0.1:99999999999", "the port is not a number" },
		{ "127.0.0.1:+80", "the port is not a number" },
		{ "127.0.0.1:80 ", "the port is not a number" },
		{ "[::1]:http", "the port is not a number" },
		{ "192.0.2.1:9000", "192.0.2.1:9000: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		expect_refused(table[i].address, table[i].sentence);
}

/* The sentence is cut, never longer than there is room. */
static void a_sentence_fits_where_it_goes(void **state)
{
	char why[16];

	(void)state;
	memset(why, 0x7f, sizeof(why));
	assert_int_equal(listen_open("nonsense", 0600, NULL, why, 8), -1);
	assert_int_equal(strlen(why), 7);
	assert_int_equal(why[8], 0x7f);
}

/* A port that nobody has just now; 0 when this machine has no such family. */
static unsigned free_port(int family)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a;
	socklen_t len = sizeof(a);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port = 0;

	memset(&a, 0, sizeof(a));
	a.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.in6.sin6_addr = in6addr_loopback;
	if (fd >= 0 && bind(fd, &a.any, sizeof(a)) == 0 &&
		getsockname(fd, &a.any, &len) == 0)
		port = ntohs(
			family == AF_INET ? a.in.sin_port : a.in6.sin6_port);
	if (fd >= 0)
		close(fd);
	return port;
}

static int connect_in4(unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void an_ipv4_address_can_be_connected_to(void **state)
{
	unsigned port = free_port(AF_INET);
	char address[64], why[256] = "";

	(void)state;
	assert_true(port > 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	int fd = listen_open(address, 0600, NULL, why, sizeof(why));
	assert_string_equal(why, "");
	assert_true(has_flags(fd));
	int client = connect_in4(port);
	assert_true(client >= 0);
	int accepted = accept(fd, NULL, NULL);
	assert_true(accepted >= 0);

	/* Alive: refused. Gone, with a connection that lingers: at once. */
	expect_refused(address, "Address already in use");
	close(fd);
	close(accepted);
	close(client);
	fd = listen_open(address, 0600, NULL, why, sizeof(why));
	assert_true(fd >= 0);
	close(fd);
}

static void an_ipv6_address_does_not_take_ipv4_along(void **state)
{
	unsigned port = free_port(AF_INET6);
	char address[64], why[256] = "";

	(void)state;
	if (port == 0) {
		/* A machine without IPv6: that is said. */
		assert_int_equal(
			listen_open("[::]:9", 0600, NULL, why, sizeof(why)),
			-1);
		assert_string_not_equal(why, "");
		return;
	}
	snprintf(address, sizeof(address), "[::]:%u", port);
	int fd = listen_open(address, 0600, NULL, why, sizeof(why));
	assert_string_equal(why, "");
	assert_true(has_flags(fd));
	assert_int_equal(connect_in4(port), -1);

	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
		.sin6_addr = in6addr_loopback };
	int client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		connect(client, (struct sockaddr *)&in6, sizeof(in6)), 0);
	close(client);
	close(fd);
}

/* How the process was started. */

static void set_number(const char *name, long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", n);
	setenv(name, text, 1);
}

static int inherit(void)
{
	int fd = listen_plainly(SOCK_STREAM);

	dup2(fd, 0);
	close(fd);
	setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);
	CHECK(listen_kind() == LISTEN_INHERITED);
	fd = listen_take(LISTEN_INHERITED);
	CHECK(fd > 2);
	CHECK(has_flags(fd));

	int client = connect_plainly();
	CHECK(client >= 0);
	CHECK(accept(fd, NULL, NULL) >= 0);

	/* Descriptor 0 is taken, and no socket any more. */
	CHECK(fcntl(0, F_GETFD) == 0);
	CHECK(listen_kind() == LISTEN_CGI);
	CHECK(listen_take(LISTEN_INHERITED) == -1 && errno == ENOTSOCK);
	return 0;
}

static void an_inherited_socket_leaves_descriptor_0(void **state)
{
	(void)state;
	in_child(inherit);
}

static int be_activated(void)
{
	int fd = listen_plainly(SOCK_STREAM);

	if (fd != 3) {
		dup2(fd, 3);
		close(fd);
	}
	set_number("LISTEN_PID", getpid());
	set_number("LISTEN_FDS", 1);
	setenv("LISTEN_FDNAMES", "http", 1);
	CHECK(listen_kind() == LISTEN_ACTIVATED);
	CHECK(listen_take(LISTEN_ACTIVATED) == 3);
	CHECK(has_flags(3));
	CHECK(connect_plainly() >= 0);
	CHECK(getenv("LISTEN_PID") == NULL);
	CHECK(getenv("LISTEN_FDS") == NULL);
	CHECK(getenv("LISTEN_FDNAMES") == NULL);
	CHECK(listen_take(LISTEN_ACTIVATED) == -1 && errno == EINVAL);
	return 0;
}

static int be_activated_wrongly(void)
{
	int fd = listen_plainly(SOCK_STREAM);

	dup2(fd, 3);
	set_number("LISTEN_FDS", 1);
	CHECK(listen_kind() == LISTEN_OWN);
	set_number("LISTEN_PID", getppid()); /* meant for another */
	CHECK(listen_kind() == LISTEN_OWN);
	CHECK(listen_take(LISTEN_ACTIVATED) == -1 && errno == EINVAL);

	static const char *const counts[] = { "", "0", "-1", "x", "1x",
		"99999999999999999999" };
	for (size_t i = 0; i < COUNT(counts); i++) {
		set_number("LISTEN_PID", getpid());
		setenv("LISTEN_FDS", counts[i], 1);
		CHECK(listen_kind() == LISTEN_OWN);
	}
	set_number("LISTEN_FDS", 2);
	CHECK(listen_kind() == LISTEN_ACTIVATED);
	CHECK(listen_take(LISTEN_ACTIVATED) == -1 && errno == E2BIG);

	set_number("LISTEN_PID", getpid());
	set_number("LISTEN_FDS", 1);
	dup2(2, 3);
	CHECK(listen_take(LISTEN_ACTIVATED) == -1 && errno == ENOTSOCK);
	return 0;
}

static void an_activated_socket_is_ours_by_its_process_id(void **state)
{
	(void)state;
	in_child(be_activated);
	unlink(path);
	in_child(be_activated_wrongly);
}

static int know_the_start(void)
{
	int pair[2];

	CHECK(listen_kind() == LISTEN_OWN);
	setenv("GATEWAY_INTERFACE", "", 1);
	CHECK(listen_kind() == LISTEN_CGI);
	unsetenv("GATEWAY_INTERFACE");

	/* A socket on descriptor 0 that does not listen: started by inetd,
	 * or a web server that passes a body. */
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	dup2(pair[0], 0);
	CHECK(listen_kind() == LISTEN_OWN);
	close(0);
	CHECK(listen_kind() == LISTEN_OWN);
	CHECK(listen_take(LISTEN_OWN) == -1 && errno == EINVAL);
	CHECK(listen_take(LISTEN_CGI) == -1 && errno == EINVAL);
	return 0;
}

static void the_kind_of_start_is_told_from_descriptor_0(void **state)
{
	(void)state;
	in_child(know_the_start);
}

static int raise_limit(void)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 64;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(listen_raise_descriptors() == (long)limit.rlim_max);
	CHECK(listen_raise_descriptors() == (long)limit.rlim_max);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(limit.rlim_cur == limit.rlim_max);
	return 0;
}

static void the_limit_of_descriptors_is_raised(void **state)
{
	(void)state;
	in_child(raise_limit);
}

#define TEST(f) cmocka_unit_test_teardown(f, clear_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_path_can_be_connected_to),
		TEST(the_mode_is_the_one_asked_for_whatever_the_umask),
		TEST(the_group_is_a_name_or_a_number),
		TEST(a_stale_socket_is_replaced),
		TEST(a_live_socket_is_refused_and_lives_on),
		TEST(our_own_live_socket_is_refused_too),
		TEST(a_datagram_socket_is_left_alone),
		TEST(what_is_no_socket_is_never_touched),
		TEST(a_path_that_cannot_be_says_why),
		TEST(a_socket_is_removed_only_while_it_is_ours),
		TEST(a_lock_that_is_let_go_is_waited_for),
		TEST(a_lock_that_is_kept_is_said),
		TEST(of_many_that_start_at_once_one_gets_the_path),
		TEST(an_address_that_is_none_says_why),
		TEST(a_sentence_fits_where_it_goes),
		TEST(an_ipv4_address_can_be_connected_to),
		TEST(an_ipv6_address_does_not_take_ipv4_along),
		TEST(an_inherited_socket_leaves_descriptor_0),
		TEST(an_activated_socket_is_ours_by_its_process_id),
		TEST(the_kind_of_start_is_told_from_descriptor_0),
		TEST(the_limit_of_descriptors_is_raised),
	};

	/* Whatever started the tests is not what is tested. */
	unsetenv("GATEWAY_INTERFACE");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
