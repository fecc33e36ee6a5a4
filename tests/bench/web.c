#include "tests/bench/web.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/program.h"
#include "tests/bench/socket.h"

/* Connections beside those of the clients. */
#define SPARE 128

static unsigned servers; /* started so far */

/* Of a file of the server that is started next. */
static const char *name_of(const char *file)
{
	static char name[64];

	snprintf(name, sizeof(name), "web%u-%s", servers, file);
	return name;
}

static const char *copy_fragment(
	const char *from, const struct fragment_value *values)
{
	const char *to = folder_path(name_of("fragment"));
	char why[512];

	if (fragment_copy(from, to, values, NULL, why, sizeof(why)) < 0)
		die("%s", why);
	return to;
}

static struct web start(const char *const *argv, const char *port)
{
	struct web w = { .pid = program_start(argv) };

	snprintf(w.address, sizeof(w.address), "127.0.0.1:%s", port);
	program_wait_accepts(w.pid, w.address);
	servers++;
	return w;
}

/* What differs from server to server. */
struct numbers {
	char port[16], connections[16], descriptors[16];
};

static struct numbers choose_numbers(size_t clients)
{
	struct numbers n;

	snprintf(n.port, sizeof(n.port), "%d", socket_free_port());
	snprintf(n.connections, sizeof(n.connections), "%zu", clients + SPARE);
	/* Two for each. lighttpd takes nobody any more when nine tenths of
	 * them are gone. */
	snprintf(n.descriptors, sizeof(n.descriptors), "%zu",
		3 * (clients + SPARE));
	return n;
}

/* ---- lighttpd */

struct web web_open_lighttpd(
	size_t clients, const char *fragment, const struct fragment_value *set)
{
	const struct numbers n = choose_numbers(clients);
	const char *const values[][2] = {
		{ "PORT", n.port },
		{ "FOLDER", folder_path("") },
		{ "DESCRIPTORS", n.descriptors },
		{ "CONNECTIONS", n.connections },
		{ "SITE", copy_fragment(fragment, set) },
		{ NULL, NULL },
	};
	const char *config = folder_fill(
		name_of("conf"), "tests/bench/beside/lighttpd.conf", values);
	const char *const argv[] = { "lighttpd", "-D", "-f", config, NULL };

	return start(argv, n.port);
}

/* ---- nginx */

struct web web_open_nginx_with(
	size_t clients, const char *top, const char *site)
{
	const struct numbers n = choose_numbers(clients);
	const char *const values[][2] = {
		{ "TOP", top },
		{ "USER", geteuid() == 0 ? "user root;" : "" },
		{ "PID", folder_path(name_of("pid")) },
		{ "DESCRIPTORS", n.descriptors },
		{ "PORT", n.port },
		{ "FOLDER", folder_path("") },
		{ "SITE", site },
		{ NULL, NULL },
	};
	const char *config = folder_fill(
		name_of("conf"), "tests/bench/beside/nginx.conf", values);
	const char *const argv[] = { "nginx", "-e", "stderr", "-p",
		folder_path(""), "-c", config, NULL };

	return start(argv, n.port);
}

struct web web_open_nginx(size_t clients, const char *socket)
{
	const struct fragment_value set[] = { { "ssetail_socket", socket },
		{ NULL, NULL } };

	/* The fragment includes it; beside nginx.conf, as on Debian. */
	if (symlink("/etc/nginx/fastcgi_params",
		    folder_path("fastcgi_params")) < 0 &&
		errno != EEXIST)
		die_errno("fastcgi_params");
	return web_open_nginx_with(
		clients, "", copy_fragment("conf/nginx/ssetail.conf", set));
}

void web_close(struct web *w)
{
	program_stop(w->pid);
}
