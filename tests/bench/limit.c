#include "tests/bench/limit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/socket.h"

#define BYTES_MAX (1 << 17)

static void send_to_all(
	const int *clients, size_t count, const char *bytes, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (send(clients[i], bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) !=
			(ssize_t)len)
			die_errno("the limit: send");
}

static _Noreturn void run(
	int listener, int control, size_t count, int send_buffer)
{
	static char bytes[BYTES_MAX];
	int *clients = calloc(count, sizeof(*clients));
	ssize_t n;

	if (!clients)
		die_errno("memory");
	for (size_t i = 0; i < count; i++) {
		clients[i] = accept4(
			listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (clients[i] < 0)
			die_errno("the limit: accept");
		setsockopt(clients[i], SOL_SOCKET, SO_SNDBUF, &send_buffer,
			sizeof(send_buffer));
	}
	while ((n = recv(control, bytes, sizeof(bytes), 0)) > 0)
		send_to_all(clients, count, bytes, (size_t)n);
	_exit(0);
}

struct limit limit_open(const char *path, size_t count, int send_buffer)
{
	int listener = socket_listen(path), control[2];
	struct limit l;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		die_errno("memory");
	l = (struct limit){ fork(), control[0] };
	if (l.pid < 0)
		die_errno("fork");
	if (l.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "limit"); /* for profilers */
		close(control[0]);
		run(listener, control[1], count, send_buffer);
	}
	close(control[1]);
	close(listener);
	return l;
}

void limit_close(struct limit *l)
{
	close(l->control);
	waitpid(l->pid, NULL, 0);
}

void limit_send(const struct limit *l, const struct bytes *bytes)
{
	if (bytes->len > BYTES_MAX || send(l->control, bytes->data, bytes->len,
					      0) != (ssize_t)bytes->len)
		die("the limit cannot be given %zu bytes", bytes->len);
}
