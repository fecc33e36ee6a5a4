/*
 * socket: stream sockets by the name of where they are. What fails: die().
 */
#ifndef SSETAIL_BENCH_SOCKET_H
#define SSETAIL_BENCH_SOCKET_H

/* Listens at a path, as a web server has it done, with room for everybody
 * who connects at once. */
int socket_listen(const char *path);

/* Connects to a path, or to "127.0.0.1:PORT"; socket_try returns -1 with errno
 * if it cannot. */
int socket_connect(const char *address);
int socket_try(const char *address);

/* A port of 127.0.0.1 that was free a moment ago. */
int socket_free_port(void);

#endif
