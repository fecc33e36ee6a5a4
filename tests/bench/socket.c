#include "tests/bench/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/die.h"

enum { BACKLOG = 16384 }; /* the kernel makes of it what it allows */

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static struct sockaddr_in loopback(const char *address)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	const char *port = strrchr(address, ':');

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)(port ? atoi(port + 1) : 0));
	return a;
}

int socket_listen(const char *path)
{
	struct sockaddr_un a = unix_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(fd, BACKLOG) < 0)
		die_errno("%s", path);
	return fd;
}

static int try_to_connect(int domain, const void *address, socklen_t size)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, address, size) == 0)
		return fd;
	close(fd);
	return -1;
}

int socket_try(const char *address)
{
	struct sockaddr_un path = unix_address(address);
	struct sockaddr_in port = loopback(address);

	return address[0] == '/' ? try_to_connect(AF_UNIX, &path, sizeof(path))
				 : try_to_connect(AF_INET, &port, sizeof(port));
}

int socket_connect(const char *address)
{
	int fd = socket_try(address);

	if (fd < 0)
		die_errno("%s", address);
	return fd;
}

int socket_free_port(void)
{
	struct sockaddr_in a = loopback(":0");
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &size) < 0)
		die_errno("a free port");
	close(fd);
	return ntohs(a.sin_port);
}
