#include "tests/bench/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/socket.h"

#define BYTES_MAX (64u << 20)
#define PIPE_READ 65536

/* What it is told. */
struct order {
	size_t len;
	size_t step;
};

/* What it says when it has its clients, and when it has sent everything. */
static const char ready = '.';

struct client {
	int fd;
	size_t sent;
};

/* ---- the process */

/* Waits until a client takes more, all of them having taken what they can. */
static void wait_for_room(
	const struct client *clients, size_t count, size_t len)
{
	struct pollfd *wait = calloc(count, sizeof(*wait));
	nfds_t waiting = 0;

	if (!wait)
		die_errno("memory");
	for (size_t i = 0; i < count; i++)
		if (clients[i].sent < len)
			wait[waiting++] = (struct pollfd){ .fd = clients[i].fd,
				.events = POLLOUT };
	poll(wait, waiting, -1);
	free(wait);
}

static size_t send_step(
	struct client *c, const char *bytes, size_t len, size_t step)
{
	size_t left = len - c->sent;
	ssize_t n = send(c->fd, bytes + c->sent, left < step ? left : step,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		die_errno("the limit: send");
	if (n > 0)
		c->sent += (size_t)n;
	return n > 0 ? (size_t)n : 0;
}

static void send_to_all(struct client *clients, size_t count, const char *bytes,
	size_t len, size_t step)
{
	size_t unfinished;

	for (size_t i = 0; i < count; i++)
		clients[i].sent = 0;
	do {
		size_t sent = 0;

		unfinished = 0;
		for (size_t i = 0; i < count; i++) {
			if (clients[i].sent < len)
				sent += send_step(
					&clients[i], bytes, len, step);
			unfinished += clients[i].sent < len;
		}
		if (unfinished && !sent)
			wait_for_room(clients, count, len);
	} while (unfinished);
}

static struct client *take_clients(int listener, size_t count, int send_buffer)
{
	struct client *clients = calloc(count, sizeof(*clients));

	if (!clients)
		die_errno("memory");
	for (size_t i = 0; i < count; i++) {
		clients[i].fd = accept4(
			listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (clients[i].fd < 0)
			die_errno("the limit: accept");
		setsockopt(clients[i].fd, SOL_SOCKET, SO_SNDBUF, &send_buffer,
			sizeof(send_buffer));
	}
	return clients;
}

static void send_orders(
	const struct limit *l, struct client *clients, size_t count)
{
	struct order order;

	while (send(l->control, &ready, sizeof(ready), MSG_NOSIGNAL) > 0 &&
		recv(l->control, &order, sizeof(order), 0) > 0)
		send_to_all(clients, count, l->bytes, order.len, order.step);
}

static void send_from_pipe(
	const struct limit *l, struct client *clients, size_t count)
{
	ssize_t n;

	while ((n = read(l->control, l->bytes, PIPE_READ)) > 0)
		send_to_all(clients, count, l->bytes, (size_t)n, (size_t)n);
}

/* ---- our side of it */

/* Of `control` it has [1]. */
static struct limit start(const char *path, size_t clients, int send_buffer,
	bool reads_pipe, const int control[2])
{
	struct limit l = { .control = control[1], .reads_pipe = reads_pipe };
	int listener = socket_listen(path);

	l.bytes = mmap(NULL, BYTES_MAX, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (l.bytes == MAP_FAILED)
		die_errno("memory");
	l.pid = fork();
	if (l.pid < 0)
		die_errno("fork");
	if (l.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "limit"); /* for profilers */
		close(control[0]);
		(reads_pipe ? send_from_pipe : send_orders)(&l,
			take_clients(listener, clients, send_buffer), clients);
		_exit(0);
	}
	close(control[1]);
	close(listener);
	l.control = control[0];
	return l;
}

struct limit limit_open(const char *path, size_t clients, int send_buffer)
{
	int control[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		die_errno("memory");
	return start(path, clients, send_buffer, false, control);
}

struct limit limit_open_pipe(const char *path, size_t clients, int send_buffer)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		die_errno("pipe");
	return start(path, clients, send_buffer, true,
		(const int[]){ ends[1], ends[0] });
}

void limit_close(struct limit *l)
{
	close(l->control);
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	munmap(l->bytes, BYTES_MAX);
}

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0)
			die_errno("the limit's pipe");
		bytes += n;
		len -= (size_t)n;
	}
}

/* More than the pipe has room for: somebody writes who may wait, since the
 * limit waits for clients that we read. A grandchild: nobody waits for it. */
static void write_aside(const struct limit *l, const struct bytes *bytes)
{
	pid_t child = fork();

	if (child < 0)
		die_errno("fork");
	if (child == 0) {
		if (fork() == 0)
			write_all(l->control, bytes->data, bytes->len);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void write_pipe(const struct limit *l, const struct bytes *bytes)
{
	if (bytes->len > PIPE_READ)
		write_aside(l, bytes);
	else
		write_all(l->control, bytes->data, bytes->len);
}

void limit_send_steps(
	const struct limit *l, const struct bytes *bytes, size_t step)
{
	struct order order = { bytes->len, step };
	char answer;

	if (l->reads_pipe) {
		write_pipe(l, bytes);
		return;
	}
	if (bytes->len > BYTES_MAX)
		die("the limit cannot be given %zu bytes", bytes->len);
	if (recv(l->control, &answer, sizeof(answer), 0) <= 0)
		die("the limit has ended");
	memcpy(l->bytes, bytes->data, bytes->len);
	if (send(l->control, &order, sizeof(order), 0) < 0)
		die_errno("the limit");
}

void limit_send(const struct limit *l, const struct bytes *bytes)
{
	limit_send_steps(l, bytes, bytes->len);
}
