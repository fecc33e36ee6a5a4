/*
 * ssetail.fcgi: streams log files to many clients of a web server.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/check.h"
#include "common/config.h"
#include "common/log.h"
#include "common/program.h"
#include "common/sandbox.h"
#include "fcgi/admit.h"
#include "fcgi/listen.h"
#include "fcgi/server.h"

struct options {
	const char *config;
	const char *listen;
	bool check;
};

static int usage(FILE *to, int code)
{
	fputs("usage: ssetail.fcgi [-c FILE] [-l ADDRESS]\n"
	      "       ssetail.fcgi [-c FILE] -t\n"
	      "       ssetail.fcgi -V | -h\n"
	      "A FastCGI responder that streams log files as server-sent "
	      "events.\n"
	      "  -c FILE     the configuration\n"
	      "  -l ADDRESS  where to listen: a path, ADDRESS:PORT or "
	      "[ADDRESS6]:PORT\n"
	      "  -t          checks the configuration, tries its sources\n"
	      "  -V          prints the version\n"
	      "  -h          prints this\n",
		to);
	return code;
}

/* Returns -1 to go on, or the code to exit with. */
static int read_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "c:l:tVh")) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'l':
			o->listen = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'V':
			puts("ssetail.fcgi " SSETAIL_VERSION);
			return 0;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, EX_USAGE);
		}
	}
	return optind < argc ? usage(stderr, EX_USAGE) : -1;
}

static struct config *load(const char *given)
{
	struct config_faults faults = { 0 };
	char *path = config_find(given);
	struct config *config = path ? config_load(path, &faults) : NULL;

	if (!path)
		log_error("configuration: none found: give one with -c, or "
			  "in SSETAIL_CONF");
	else if (!config)
		config_faults_print(&faults, path);
	config_faults_release(&faults);
	free(path);
	return config;
}

/* Told in the log, and to whoever tries it. */
static int refuse_cgi(void)
{
	log_error("start: a web server started this as a CGI program: that is "
		  "ssetail.cgi");
	fputs("Status: 500 Internal Server Error\r\n"
	      "Content-Type: text/plain; charset=utf-8\r\n\r\n"
	      "This is the FastCGI program, started as plain CGI: use "
	      "ssetail.cgi.\n",
		stdout);
	return EX_UNAVAILABLE;
}

/* The socket, inherited or our own, or -1 after saying why not. *address is
 * set when the socket's path is ours to remove. */
static int open_socket(const struct config *config, const struct options *o,
	const char **address)
{
	enum listen_kind kind = listen_kind();
	const char *own = o->listen ? o->listen : config->listen;
	char why[256];
	int fd;

	switch (kind) {
	case LISTEN_INHERITED:
	case LISTEN_ACTIVATED:
		fd = listen_take(kind);
		if (fd < 0)
			log_error("start: the inherited socket cannot be "
				  "used: %s",
				strerror(errno));
		return fd;
	default:
		break;
	}
	if (!own) {
		log_error("start: no web server started this, and there is "
			  "no address to listen on: set listen, or give -l");
		return -1;
	}
	fd = listen_open(own, config->listen_mode, config->listen_group, why,
		sizeof(why));
	if (fd < 0)
		log_error("listen: %s", why);
	else
		*address = own;
	return fd;
}

/* Returns how many streams there can be. */
static size_t raise_descriptors(const struct config *config)
{
	long limit = listen_raise_descriptors();
	long streams = server_streams_max(limit);

	if (limit < 0)
		return INT32_MAX;
	if (streams < (long)config->max_clients)
		log_warning("start: the hard limit of descriptors is %ld: no "
			    "more than %ld streams at a time (ulimit -Hn)",
			limit, streams);
	return (size_t)streams;
}

static const char *if_path(const char *address)
{
	return address && *address == '/' ? address : NULL;
}

/* `address` is its own to remove, or NULL. */
static void add_grants(
	struct grants *g, const struct config *config, const char *address)
{
	g->is_wary = true;
	grants_add_responder(g, config, if_path(address));
	grants_add_paths(g, config);
	for (size_t i = 0; i < config->source_count; i++)
		grants_add_source(g, config, &config->sources[i]);
}

/* What is not as an operator would expect it. */
static void warn_of_grants(const struct grants *g, const struct config *config)
{
	for (size_t i = 0; i < g->count; i++)
		if (!g->list[i].rights)
			log_warning("sandbox: %s: is not there: needs a "
				    "restart when it is",
				g->list[i].path);
	for (size_t i = 0; i < config->source_count; i++)
		if (grants_give_root(g, config, &config->sources[i]))
			log_warning("sandbox: %s: " SANDBOX_ROOT,
				config->sources[i].name);
}

/* Returns 0, or -1 after saying why not. */
static int enter_sandbox(const struct config *config, const char *address)
{
	static struct grants granted;
	int version;

	if (!config->sandbox)
		return 0;
	add_grants(&granted, config, address);
	version = sandbox_enter(&granted);
	if (version < 0) {
		log_error("sandbox: %s", strerror(errno));
		return -1;
	}
	if (version == 0)
		log_warning("sandbox: " SANDBOX_NO_LANDLOCK);
	else
		warn_of_grants(&granted, config);
	return 0;
}

static int check(const struct config *config, const struct options *o)
{
	struct grants g = { 0 };
	int result;

	add_grants(&g, config, o->listen ? o->listen : config->listen);
	result = check_sources(config, &g);
	grants_release(&g);
	return result;
}

/* Returns 0, or what to exit with after a line in the log. */
static int try_libfcgi(void)
{
	if (admit_self_test() == 0)
		return 0;
	if (errno == EPROTO) {
		log_error("start: this libfcgi does not parse a request the "
			  "way ssetail needs it");
		return EX_SOFTWARE;
	}
	log_error("start: a request cannot be kept in memory: %s",
		strerror(errno));
	return EX_OSERR;
}

static int serve(const struct config *config, const struct options *o)
{
	const char *address = NULL;
	size_t streams_max;
	int fd, result;

	/* Errno tells of a peer that is gone, and of RLIMIT_FSIZE. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	streams_max = raise_descriptors(config);
	result = try_libfcgi();
	if (result)
		return result;
	/* From here on, what ends us removes the socket. */
	server_catch_signals();
	fd = open_socket(config, o, &address);
	if (fd < 0)
		return EX_UNAVAILABLE;
	log_info("start: version %s: pid %d: %zu sources: listens on %s",
		SSETAIL_VERSION, (int)getpid(), config->source_count,
		address ? address : "an inherited socket");
	result = enter_sandbox(config, address) < 0
			 ? EX_OSERR
			 : server_run(config, fd, streams_max);
	if (address)
		listen_remove(address, fd);
	close(fd);
	return result;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct config *config;
	int result;

	if (program_guard_descriptors() < 0) {
		log_error("start: descriptors 0 to 2: %s", strerror(errno));
		return EX_OSERR;
	}
	program_spare_owner();
	if (listen_kind() == LISTEN_CGI)
		return refuse_cgi();
	result = read_options(&options, argc, argv);
	if (result >= 0)
		return result;
	if (!options.check)
		server_hold_reload();
	config = load(options.config);
	if (!config)
		return EX_CONFIG;
	result = options.check ? check(config, &options)
			       : serve(config, &options);
	config_free(config);
	return result;
}
