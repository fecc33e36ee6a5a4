/*
 * notify: tells the service manager that started the process how far it is,
 * sd_notify(3), without libsystemd.
 */
#ifndef SSETAIL_NOTIFY_H
#define SSETAIL_NOTIFY_H

/*
 * Sends `state`, "READY=1" or "STOPPING=1", as one datagram to the socket
 * that NOTIFY_SOCKET names: an absolute path, or one in the abstract
 * namespace with "@" in front. Returns 0, also when nobody wants to know (no
 * such variable), or -1 with errno. Never blocks.
 */
int notify_send(const char *state);

#endif
