#define TESTS_LIB_INSIDE
#include "tests/lib/browser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bytes.h"
#include "tests/lib/disk.h"
#include "tests/lib/test.h"

static void connect_again(struct browser *b)
{
	struct bytes request = BYTES_INIT;
	struct ask ask = server_ask(b->server,
		(struct ask){ .path = "/log", .last_event_id = b->last_id });

	ask_http(&request, &ask, b->server->address);
	b->client = http_connect(b->server->address, request.data, request.len);
	b->events = 0;
	bytes_release(&request);
}

static void take_events(struct browser *b)
{
	const struct reader *r = &b->client->reader;

	for (; b->events < r->event_count; b->events++) {
		const char *data = r->events[b->events].data;

		if (strtoull(data, NULL, 10) != b->seen + 1)
			test_fail("after line %zu of the log came '%s'",
				b->seen, data);
		b->seen++;
	}
}

/* The stream is over: what was it worth? */
static void leave(struct browser *b)
{
	struct reader *r = &b->client->reader;

	if (r->sse.unfinished)
		test_fail("a stream ended within an event, after line %zu",
			b->seen);
	if (*reader_last_id(r)) {
		free(b->last_id);
		b->last_id = strdup(reader_last_id(r));
	}
	reader_close(r);
	b->client = NULL;
}

void browser_look(struct browser *b)
{
	struct reader *r;

	if (!b->client)
		connect_again(b);
	if (!b->client)
		return;
	r = &b->client->reader;
	if (r->has_head && r->status != 200)
		test_fail("status %d, after line %zu", r->status, b->seen);
	take_events(b);
	if (r->ended || r->closed) {
		b->ends += r->has_head;
		leave(b);
	}
}

void browser_open(struct browser *b, const struct server *server)
{
	*b = (struct browser){ .server = server };
	connect_again(b);
	if (!b->client)
		test_fail("cannot connect to %s", server->address);
	reader_wait_head(&b->client->reader);
}

void browser_release(struct browser *b)
{
	if (b->client)
		reader_close(&b->client->reader);
	free(b->last_id);
	*b = (struct browser){ .server = NULL };
}

void browser_write(struct browser *b, size_t count)
{
	while (count--)
		disk_append(b->server->log, "%zu\n", ++b->written);
}

static void catch_up(struct browser *b)
{
	struct test_wait wait = test_wait_here("the browser to be up to date");

	for (;;) {
		browser_look(b);
		if (b->seen == b->written)
			return;
		test_wait_step(&wait);
	}
}

void browser_follow(struct browser *b, size_t count)
{
	catch_up(b);
	while (count--) {
		browser_write(b, 1);
		catch_up(b);
	}
}
