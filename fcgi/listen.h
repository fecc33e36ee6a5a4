/*
 * listen: the socket that web servers connect to, inherited or our own, and
 * how the process was started.
 */
#ifndef SSETAIL_LISTEN_H
#define SSETAIL_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum listen_kind {
	LISTEN_INHERITED, /* descriptor 0 listens: lighttpd, spawn-fcgi,
			   * mod_fcgid, systemd */
	LISTEN_ACTIVATED, /* LISTEN_FDS and LISTEN_PID: sd_listen_fds(3) */
	LISTEN_CGI,	  /* GATEWAY_INTERFACE is set: started as plain CGI */
	LISTEN_OWN	  /* by hand or as a service: a socket of its own */
};

/* How the process was started; looks at descriptor 0 and the environment. */
enum listen_kind listen_kind(void);

/*
 * Takes over an inherited (LISTEN_INHERITED) or activated socket: makes it
 * non-blocking and close-on-exec, on a descriptor above 2; descriptor 0 is
 * /dev/null afterwards. Unsets LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES.
 * Returns it, or -1 with errno: EINVAL (a kind that has none to take, or
 * LISTEN_PID is not ours), ENOTSOCK (it does not listen), E2BIG (LISTEN_FDS
 * passes more than one: the others would never be answered).
 */
int listen_take(enum listen_kind kind);

/*
 * Binds a socket of our own, non-blocking and close-on-exec, backlog 4096.
 * `address` is an absolute path, "ADDRESS:PORT" or "[ADDRESS6]:PORT"
 * (numeric; no look-up of names; IPv6 does not take IPv4 along). A path gets
 * `mode` (whatever the umask) and, if not NULL, `group`, a name or a number,
 * before it can be connected to. A stale socket (nobody accepts) is replaced;
 * one that is alive, and anything that is not a socket, is left alone and
 * refused.
 *
 * Two processes that start at once do not take the path from each other:
 * looking, unlinking, binding and listening happen under a lock. It is a
 * flock(2) on the folder, which leaves nothing behind, goes with its process,
 * and holds across namespaces; waiting for it ends after two seconds,
 * because whoever can read the folder can hold it. (Binding to another name
 * and rename(2) needs the same lock, and shows the wrong name in ss(8) for
 * ever.)
 *
 * Returns the descriptor, or -1 with a sentence in why[size]. Not for use
 * beside other threads: the umask is changed meanwhile.
 */
int listen_open(const char *address, mode_t mode, const char *group, char *why,
	size_t size);

/*
 * Removes the path of a socket of our own if it is still the one that `fd`
 * is bound to. Before `fd` is closed: until then nobody takes it for stale.
 */
void listen_remove(const char *address, int fd);

/*
 * Raises the soft limit of descriptors to the hard one. Returns how many
 * the process may have open, or -1 with errno.
 */
long listen_raise_descriptors(void);

#endif
