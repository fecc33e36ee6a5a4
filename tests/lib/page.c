#define TESTS_LIB_INSIDE
#include "tests/lib/page.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/process.h"
#include "tests/lib/test.h"

#define REQUEST_MAX  16384
#define PATIENCE_SEC 10 /* with a connection that says nothing */

/* Reports come one after the other, in the order in which they are made. */
static const char before[] =
	"<!DOCTYPE html><meta charset=utf-8><title>page</title><script>\n"
	"let said = Promise.resolve();\n"
	"function report(text) {\n"
	"  said = said.then(() =>\n"
	"    fetch('/report', { method: 'POST', body: text }));\n"
	"}\n"
	"window.onerror = (text) => report('error: ' + text);\n"
	"window.onunhandledrejection = (e) => report('error: ' + e.reason);\n";
static const char behind[] = "</script>\n";

/* Shared with the threads that serve, one for each connection. */
static struct {
	pthread_mutex_t lock;
	struct bytes html;
	struct bytes reports; /* each ended by a NUL */
	pthread_t thread;
	int listener; /* -1: no page is open */
	int port;
} page = { .lock = PTHREAD_MUTEX_INITIALIZER, .listener = -1 };

/* ---- the server */

static void answer(int fd, const char *status, const struct bytes *body)
{
	size_t len = body ? body->len : 0;

	dprintf(fd,
		"HTTP/1.1 %s\r\nContent-Type: text/html\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n",
		status, len);
	while (len > 0) {
		ssize_t n = write(fd, body->data + body->len - len, len);

		if (n <= 0)
			return;
		len -= (size_t)n;
	}
}

/* The body of a request that is complete; NULL: it is not yet. */
static const char *complete_body(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n");
	const char *length = strcasestr(request, "\r\nContent-Length:");
	size_t want = 0;

	if (!end)
		return NULL;
	end += 4;
	if (length && length < end)
		want = strtoul(
			length + strlen("\r\nContent-Length:"), NULL, 10);
	return strlen(end) >= want ? end : NULL;
}

static void serve(int fd, const char *request, const char *body)
{
	pthread_mutex_lock(&page.lock);
	if (strncmp(request, "POST /report ", 13) == 0) {
		bytes_add(&page.reports, body, strlen(body) + 1);
		answer(fd, "200 OK", NULL);
	} else if (strncmp(request, "GET / ", 6) == 0) {
		answer(fd, "200 OK", &page.html);
	} else {
		answer(fd, "404 Not Found", NULL);
	}
	pthread_mutex_unlock(&page.lock);
}

static void *take_connection(void *context)
{
	struct timeval patience = { .tv_sec = PATIENCE_SEC };
	int fd = (int)(intptr_t)context;
	char request[REQUEST_MAX + 1] = "";
	const char *body = NULL;
	size_t len = 0;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (!body && len < REQUEST_MAX &&
		(n = recv(fd, request + len, REQUEST_MAX - len, 0)) > 0) {
		len += (size_t)n;
		request[len] = '\0';
		body = complete_body(request);
	}
	if (body)
		serve(fd, request, body);
	close(fd);
	return NULL;
}

static void *take_connections(void *context)
{
	int listener = (int)(intptr_t)context, fd;
	pthread_t thread;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (pthread_create(&thread, NULL, take_connection,
			    (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
		else
			close(fd);
	}
	return NULL;
}

/* ---- the page */

static void cleanup(void)
{
	if (page.listener < 0)
		return;
	shutdown(page.listener, SHUT_RDWR);
	pthread_join(page.thread, NULL);
	close(page.listener);
	page.listener = -1;
	pthread_mutex_lock(&page.lock);
	bytes_release(&page.html);
	bytes_release(&page.reports);
	pthread_mutex_unlock(&page.lock);
}

static void describe(void)
{
	pthread_mutex_lock(&page.lock);
	print_error("  the page reported\n");
	for (size_t i = 0; i < page.reports.len;
		i += strlen(page.reports.data + i) + 1)
		print_error("    %s\n", page.reports.data + i);
	pthread_mutex_unlock(&page.lock);
}

int page_open(void)
{
	static const struct test_module module = { cleanup, describe, NULL };
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	test_register(TEST_PAGES, &module);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) < 0 ||
		listen(fd, 128) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &size) < 0)
		test_fail("a port for the page: %s", strerror(errno));
	page.listener = fd;
	page.port = ntohs(a.sin_port);
	if (pthread_create(&page.thread, NULL, take_connections,
		    (void *)(intptr_t)fd) != 0)
		test_fail("a thread for the page");
	return page.port;
}

void page_script(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	pthread_mutex_lock(&page.lock);
	bytes_clear(&page.html);
	bytes_add_text(&page.html, before);
	bytes_add_text(&page.html, text);
	bytes_add_text(&page.html, behind);
	pthread_mutex_unlock(&page.lock);
	free(text);
}

void page_browse(const char *host)
{
	const char *profile = disk_folder();
	char data[256], home[256], tmp[256], url[64];

	snprintf(data, sizeof(data), "--user-data-dir=%s/profile", profile);
	snprintf(home, sizeof(home), "HOME=%s", profile);
	snprintf(tmp, sizeof(tmp), "TMPDIR=%s", profile);
	snprintf(url, sizeof(url), "http://%s:%d/", host, page.port);
	/* Root may not have its sandbox; the rest keeps it to itself. */
	process_run("env", home, tmp, "chromium", "--headless=new",
		"--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-extensions", data, url, NULL);
}

unsigned page_reported(const char *text)
{
	unsigned count = 0;

	pthread_mutex_lock(&page.lock);
	for (size_t i = 0; i < page.reports.len;
		i += strlen(page.reports.data + i) + 1)
		count += strcmp(page.reports.data + i, text) == 0;
	pthread_mutex_unlock(&page.lock);
	return count;
}

void page_wait(const char *text)
{
	struct test_wait wait = test_wait_here("the page's report");

	while (!page_reported(text))
		test_wait_step(&wait);
}
