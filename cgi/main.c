/*
 * ssetail.cgi: one stream to standard output, for hosts that offer nothing
 * but CGI, and for a terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "cgi/examine.h"
#include "cgi/init.h"
#include "common/check.h"
#include "common/config.h"
#include "common/head.h"
#include "common/hub.h"
#include "common/log.h"
#include "common/program.h"
#include "common/request.h"
#include "common/sandbox.h"
#include "common/stream.h"

#define SECOND_MS 1000

/* The head of a stream with what follows it at once; or of a short answer. */
#define HEAD_BYTES 2048

/* Between two warnings that the stream waits. */
#define WARNING_MS 60000

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* The signals end a wait, and are kept for the next one otherwise. */
static sigset_t wait_mask;

static void catch_signals(void)
{
	static const int ending[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };
	struct sigaction action = { .sa_handler = stop };
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++) {
		sigaction(ending[i], &action, NULL);
		sigaddset(&blocked, ending[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &wait_mask);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigdelset(&wait_mask, ending[i]);
	signal(SIGPIPE, SIG_IGN);
}

/* ppoll with a time-out in milliseconds. Returns what it does. */
static int wait_for(struct pollfd *fds, nfds_t count, int64_t timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / SECOND_MS,
		.tv_nsec = timeout_ms % SECOND_MS * 1000000,
	};

	if (timeout_ms < 0)
		timeout = (struct timespec){ 0 };
	return ppoll(fds, count, &timeout, &wait_mask);
}

enum { SINK_FILE, SINK_PIPE, SINK_SOCKET };

static struct {
	int kind;
	int64_t stall_ms; /* how long the reader may accept nothing */
} sink;

static void sink_init(unsigned stall_s)
{
	struct stat st;

	sink.kind = SINK_FILE;
	sink.stall_ms = (int64_t)stall_s * SECOND_MS;
	if (fstat(STDOUT_FILENO, &st) == 0) {
		if (S_ISFIFO(st.st_mode))
			sink.kind = SINK_PIPE;
		else if (S_ISSOCK(st.st_mode))
			sink.kind = SINK_SOCKET;
	}
}

/*
 * Writes without being stuck in it: a signal must end us at any time, and
 * O_NONBLOCK would change the descriptor for everybody who shares it. A pipe
 * that has room takes up to PIPE_BUF bytes at once.
 */
static ssize_t write_some(const char *bytes, size_t len)
{
	if (sink.kind == SINK_SOCKET)
		return send(
			STDOUT_FILENO, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sink.kind == SINK_PIPE && len > PIPE_BUF)
		len = PIPE_BUF;
	return write(STDOUT_FILENO, bytes, len);
}

/* Returns 0 when all is written; -1: nobody reads, or we are to stop. */
static int write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		struct pollfd out = { STDOUT_FILENO, POLLOUT, 0 };
		ssize_t n;

		if (wait_for(&out, 1, sink.stall_ms) <= 0)
			return -1;
		if (out.revents & (POLLERR | POLLNVAL))
			return -1;
		n = write_some(bytes, len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_buffer(struct buffer *b)
{
	int result = b->failed ? -1 : write_all(b->data, b->len);

	buffer_clear(b);
	return result;
}

/* Where there is no memory to compose an answer in. */
static const char no_memory[] = "Status: 500 Internal Server Error\r\n"
				"Content-Type: text/plain; charset=utf-8\r\n"
				"Cache-Control: no-store\r\n"
				"X-Content-Type-Options: nosniff\r\n"
				"\r\n"
				"There is no memory.\n";

static void write_answer(struct buffer *b)
{
	if (b->failed)
		write_all(no_memory, strlen(no_memory));
	else
		write_buffer(b);
}

struct session {
	struct hub hub;
	struct stream stream;
	struct studio *studio;
	struct buffer text;
	struct subscription subscriptions[REQUEST_SOURCES_MAX];
	int64_t last_sent_ms;
	int64_t last_look_ms;
	int64_t ends_ms;
	int64_t next_warning_ms;
};

static void ignore_news(
	void *context, struct source *source, enum feed_outcome outcome)
{
	(void)source;
	/* There is more than one look may read. */
	if (outcome == FEED_MORE)
		*(bool *)context = true;
}

/* There is no memory, or the disk has failed: a second later it is tried again,
 * and nothing is lost by that. */
static void put_off(struct session *s, int error)
{
	if (program_now_ms() >= s->next_warning_ms) {
		s->next_warning_ms = program_now_ms() + WARNING_MS;
		log_warning("stream: has to wait: %s", strerror(error));
	}
	wait_for(NULL, 0, SECOND_MS);
}

/* Sends all there is. Returns 0, or -1 when the stream cannot go on. */
static int send_news(struct session *s, const struct config *config)
{
	const struct output *output = NULL;

	while (!stopped &&
		stream_produce(&s->stream, s->studio, program_now_ms(), -1,
			FEED_PIECE_BYTES, &output)) {
		if (write_all(output->bytes, output->len) < 0)
			return -1;
		for (size_t i = 0; i < output->count; i++)
			stream_commit(&s->stream, s->studio, output, i);
		s->last_sent_ms = program_now_ms();
	}
	if (output && output->outcome == FEED_FAILED)
		put_off(s, output->error);
	if (program_now_ms() - s->last_sent_ms >=
		(int64_t)config->heartbeat_s * SECOND_MS) {
		if (write_all(STREAM_HEARTBEAT, strlen(STREAM_HEARTBEAT)) < 0)
			return -1;
		s->last_sent_ms = program_now_ms();
	}
	return 0;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Waits until there may be something to do, and looks. */
static int wait_for_news(struct session *s, const struct config *config)
{
	struct pollfd fds[2] = { { STDOUT_FILENO, 0, 0 }, { -1, POLLIN, 0 } };
	int64_t next =
		s->last_sent_ms + (int64_t)config->heartbeat_s * SECOND_MS;
	bool more = false;

	next = least(next, s->ends_ms);
	if (hub_needs_timer(&s->hub))
		next = least(next, s->last_look_ms + SECOND_MS);
	next = least(next, hub_due_ms(&s->hub));
	for (size_t i = 0; i < hub_clocks(&s->hub); i++) {
		const struct clock *clock = hub_clock(&s->hub, i);

		if (clock)
			next = least(next, clock_next_ms(clock));
	}
	if (s->hub.watch)
		fds[1].fd = watch_descriptor(s->hub.watch);
	if (wait_for(fds, 2, next - program_now_ms()) < 0 && errno != EINTR)
		return -1;
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		return -1;
	if (fds[1].revents)
		hub_read_watch(&s->hub, ignore_news, &more);
	if (program_now_ms() - s->last_look_ms >= SECOND_MS) {
		s->last_look_ms = program_now_ms();
		hub_look(&s->hub, true, ignore_news, &more);
	}
	hub_look_due(&s->hub, program_now_ms(), ignore_news, &more);
	while (more && !stopped) {
		more = false;
		hub_look(&s->hub, false, ignore_news, &more);
		if (send_news(s, config) < 0)
			return -1;
	}
	return 0;
}

/* Files are being renamed: a moment later they are not. Or ids are being read:
 * that is done by looks. Returns -1 when a signal has come. */
static int wait_to_open(struct session *s)
{
	bool more = false;

	if (hub_due_ms(&s->hub) > program_now_ms())
		wait_for(NULL, 0, 20);
	hub_look_due(&s->hub, program_now_ms(), ignore_news, &more);
	return stopped ? -1 : 0;
}

/* From the head of the response to the end of the stream. Returns 0, or -1 with
 * errno when there is no stream, and nothing was written. */
static int serve(struct session *s, const struct config *config,
	const struct route *route, const struct request *request, bool head)
{
	enum stream_outcome outcome;

	while ((outcome = stream_open(&s->stream, &s->hub, s->subscriptions,
			route, request, program_now_ms(), NULL)) ==
		STREAM_WAIT) {
		if (wait_to_open(s) < 0)
			return 0;
	}
	if (outcome == STREAM_FAILED)
		return -1;
	if (outcome == STREAM_OVER) {
		head_add_answer(&s->text, 204, NULL, false, &route->cors);
		write_answer(&s->text);
		return 0;
	}
	s->last_sent_ms = s->last_look_ms = program_now_ms();
	s->ends_ms = INT64_MAX;
	if (config->lifetime_s)
		s->ends_ms = program_now_ms() +
			     program_lifetime_ms(config->lifetime_s);
	stream_add_head(&s->stream, head ? route : NULL, &s->text);
	if (write_buffer(&s->text) < 0)
		return 0;
	while (!stopped && program_now_ms() < s->ends_ms) {
		if (send_news(s, config) < 0)
			return 0;
		if (stream_is_over(&s->stream))
			return 0;
		if (wait_for_news(s, config) < 0)
			return 0;
	}
	stream_add_farewell(&s->stream, &s->text);
	write_buffer(&s->text);
	return 0;
}

/* ---- as a CGI program */

static const char *from_environment(const void *unused, const char *name)
{
	(void)unused;
	return getenv(name);
}

static int answer(int status, const char *body, bool with_body)
{
	struct buffer b = BUFFER_INIT;

	sink_init(60);
	head_add_answer(&b, status, body, with_body, NULL);
	write_answer(&b);
	buffer_release(&b);
	return 0;
}

/* The faults, for whoever uploaded the configuration and sees only this: no
 * folders, no values. */
static void answer_faults(const struct config_faults *faults, const char *path)
{
	const char *base = path ? strrchr(path, '/') : NULL;
	struct buffer b = BUFFER_INIT;

	base = base ? base + 1 : path;
	for (size_t i = 0; i < faults->count; i++) {
		const struct config_fault *f = &faults->list[i];

		buffer_add_format(&b, "%s:%u: %s%s%s\n", base, f->line, f->key,
			f->key[0] ? ": " : "", f->what);
	}
	if (!path)
		buffer_add_string(&b, "no configuration was found: put "
				      ".htssetail.conf beside the program\n");
	buffer_add_byte(&b, '\0');
	answer(500, b.failed ? NULL : b.data, true);
	buffer_release(&b);
}

/* For the sources of one request alone. Returns 0, or -1 with errno. That a
 * kernel has no Landlock is not told to the log with each request. Where a file
 * system hangs, so does this, sooner or later. */
static int enter_sandbox(const struct config *config, const struct route *route)
{
	static struct grants granted;

	if (!config->sandbox)
		return 0;
	grants_add_paths(&granted, config);
	for (size_t i = 0; i < route->count; i++)
		grants_add_source(&granted, config, route->sources[i]->config);
	return sandbox_enter(&granted) < 0 ? -1 : 0;
}

static int run(const struct config *config, const struct request *request,
	enum request_outcome outcome, bool head)
{
	static struct session session;
	struct route route;
	int result = 0;

	session.studio = studio_new();
	if (!session.studio || hub_init(&session.hub, config) < 0 ||
		!buffer_reserve(&session.text, HEAD_BYTES)) {
		log_error("start: %s", strerror(errno));
		if (head)
			answer(500, NULL, true);
		return EX_OSERR;
	}
	session.hub.is_by_hand = !head;
	session.hub.is_cgi = true;
	sink_init(config->stall_s);
	if (!hub_route(&session.hub, outcome, request, &route, &session.text)) {
		if (head)
			write_answer(&session.text);
		else
			result = EX_USAGE;
	} else if (enter_sandbox(config, &route) < 0) {
		log_error("sandbox: %s", strerror(errno));
		if (head)
			answer(500, NULL, true);
		result = EX_OSERR;
	} else if (hub_open_pipes(&session.hub, &route) < 0) {
		if (head)
			answer(500, NULL, true);
		else
			result = EX_CANTCREAT;
	} else {
		result = serve(&session, config, &route, request, head);
		if (result < 0) {
			log_error("stream: %s", strerror(errno));
			if (head)
				answer(500, NULL, true);
		}
		stream_close(&session.stream);
	}
	hub_release(&session.hub);
	studio_free(session.studio);
	buffer_release(&session.text);
	return result < 0 ? EX_IOERR : result;
}

/* ---- by hand */

static int usage(FILE *to, int code)
{
	fputs("usage: ssetail.cgi [-c FILE] [-a ID] NAME[,NAME]\n"
	      "       ssetail.cgi [-c FILE] -t\n"
	      "       ssetail.cgi [-o DIRECTORY] --init NAME PATH [FOLDER]\n"
	      "       ssetail.cgi --doctor URL [-- CURL-OPTION ...]\n"
	      "       ssetail.cgi -V | -h\n"
	      "Started by a web server it answers one request (CGI/1.1). By "
	      "hand it streams\nthe sources of these names to standard "
	      "output.\n"
	      "  -c FILE  the configuration\n"
	      "  -a ID    only what comes after the event with that id\n"
	      "  -t       checks the configuration, tries its sources\n"
	      "  --init   prints what goes beside the program on a shared "
	      "host, .htssetail.conf\n           and .htaccess, for a source "
	      "NAME of the log PATH; FOLDER is the one on\n           the "
	      "host, by default the program's; -o writes both into "
	      "DIRECTORY\n"
	      "  --doctor says why events arrive late at URL, the address of "
	      "this program or of\n           ssetail.fcgi on a web server; "
	      "needs curl\n"
	      "  -V       prints the version\n"
	      "  -h       prints this\n",
		to);
	return code;
}

/* --init with its two or three arguments. */
static int init(int argc, char **argv, const char *directory)
{
	char *own = argc == 2 ? config_program_folder() : NULL;
	const char *fault, *about = "standard output";
	struct init_values values;
	int result = 0;

	if (argc < 2 || argc > 3)
		return usage(stderr, EX_USAGE);
	values = (struct init_values){ .name = argv[0],
		.path = argv[1],
		.folder = argc == 3 ? argv[2] : own };
	fault = values.folder ? init_fault(&values) : "which folder?";
	if (fault) {
		fprintf(stderr, "ssetail.cgi: %s\n", fault);
		result = EX_USAGE;
	} else if (directory ? init_write(&values, directory, &about) < 0
			     : init_print(&values) < 0) {
		fprintf(stderr, "ssetail.cgi: %s: %s; nothing was written\n",
			about, strerror(errno));
		result = EX_CANTCREAT;
	}
	free(own);
	return result;
}

struct by_hand {
	const char *names;
	const char *after; /* an id, or NULL */
};

static const char *from_command_line(const void *context, const char *name)
{
	const struct by_hand *h = context;

	if (strcmp(name, "REQUEST_METHOD") == 0)
		return "GET";
	if (strcmp(name, "HTTP_LAST_EVENT_ID") == 0)
		return h->after;
	return strcmp(name, "PATH_INFO") == 0 ? h->names : NULL;
}

static int run_by_hand(
	const struct config *config, const char *names, const char *after)
{
	struct buffer path = BUFFER_INIT;
	enum request_outcome outcome;
	struct request request;
	struct by_hand hand;
	int result;

	buffer_add_byte(&path, '/');
	buffer_add_string(&path, names ? names : "");
	buffer_add_byte(&path, '\0');
	if (path.failed) {
		log_error("start: %s", strerror(ENOMEM));
		return EX_OSERR;
	}
	hand = (struct by_hand){ path.data, after };
	outcome = request_read(&request, from_command_line, &hand);
	result = run(config, &request, outcome, false);
	buffer_release(&path);
	if (result == EX_USAGE) {
		fprintf(stderr, "ssetail.cgi: no such source; there are:");
		for (size_t i = 0; i < config->source_count; i++)
			fprintf(stderr, " %s", config->sources[i].name);
		fputc('\n', stderr);
	}
	return result;
}

/* Each of its sources is granted only what it needs itself. */
static int check(const struct config *config)
{
	struct grants g = { 0 };
	int result;

	grants_add_paths(&g, config);
	for (size_t i = 0; i < config->source_count; i++)
		grants_add_source(&g, config, &config->sources[i]);
	result = check_sources(config, &g);
	grants_release(&g);
	return result;
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) ==
		       0 &&
	       listening;
}

/* A web server has to set both (RFC 3875, 4.1.4 and 4.1.12). One that forgets
 * the first is no terminal, where no rules of access apply. */
static bool is_request(void)
{
	return getenv("GATEWAY_INTERFACE") || getenv("REQUEST_METHOD");
}

struct options {
	const char *config;
	const char *directory; /* of --init */
	const char *after;
	bool check;
	bool init;
	bool doctor;
};

/* Returns -1 to go on, or the code to exit with. */
static int read_options(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{ "init", no_argument, NULL, 'i' },
		{ "doctor", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "a:c:o:tVh", names, NULL)) != -1) {
		switch (c) {
		case 'a':
			o->after = optarg;
			break;
		case 'c':
			o->config = optarg;
			break;
		case 'o':
			o->directory = optarg;
			break;
		case 'i':
			o->init = true;
			break;
		case 'd':
			o->doctor = true;
			break;
		case 't':
			o->check = true;
			break;
		case 'V':
			puts("ssetail.cgi " SSETAIL_VERSION);
			return 0;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, EX_USAGE);
		}
	}
	if ((o->directory && !o->init) || (o->after && (o->check || o->init)))
		return usage(stderr, EX_USAGE);
	if (o->doctor)
		return optind < argc && !o->init && !o->check && !o->config &&
				       !o->after
			       ? -1
			       : usage(stderr, EX_USAGE);
	if (!o->init && argc - optind > (o->check ? 0 : 1))
		return usage(stderr, EX_USAGE);
	return -1;
}

int main(int argc, char **argv)
{
	bool as_cgi = is_request();
	bool has_output = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
	struct options options = { 0 };
	struct config_faults faults = { 0 };
	struct config *config;
	char *path;
	int result;

	if (program_guard_descriptors() < 0) {
		log_error("start: descriptors 0 to 2: %s", strerror(errno));
		return EX_OSERR;
	}
	if (!has_output) {
		log_error("start: standard output is closed");
		return EX_OSERR;
	}
	program_spare_owner();
	/* A web server may pass the query as arguments (RFC 3875, 4.4). */
	result = as_cgi ? -1 : read_options(&options, argc, argv);
	if (result >= 0)
		return result;
	if (options.init)
		return init(argc - optind, argv + optind, options.directory);
	if (options.doctor)
		return examine(argv[optind], argv + optind + 1);
	if (!as_cgi && is_listening(STDIN_FILENO)) {
		log_error("start: a web server started this as a FastCGI "
			  "program: that is ssetail.fcgi");
		return EX_USAGE;
	}
	catch_signals();
	path = config_find(options.config);
	config = path ? config_load(path, &faults) : NULL;
	if (!config) {
		if (path)
			config_faults_print(&faults, path);
		else
			log_error("configuration: none found: give one with "
				  "-c, or in SSETAIL_CONF");
		if (as_cgi)
			answer_faults(&faults, path);
		config_faults_release(&faults);
		free(path);
		return as_cgi ? 0 : EX_CONFIG;
	}
	config_faults_release(&faults);
	free(path);
	if (options.check) {
		result = check(config);
	} else if (as_cgi) {
		struct request request;
		enum request_outcome outcome =
			request_read(&request, from_environment, NULL);

		result = run(config, &request, outcome, true);
	} else {
		result = run_by_hand(config,
			optind < argc ? argv[optind] : NULL, options.after);
	}
	config_free(config);
	return result;
}
