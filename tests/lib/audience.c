#define TESTS_LIB_INSIDE
#include "tests/lib/audience.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/test.h"

/* Of an EventSource that was told none. */
#define RETRY_MS 2000

static void connect_again(struct audience *a, struct listener *l)
{
	struct bytes request = BYTES_INIT;
	struct ask ask = {
		.mount = "/events", .path = a->path, .last_event_id = l->last_id
	};

	ask_http(&request, &ask, a->address);
	l->client = http_connect(a->address, request.data, request.len);
	l->events = 0;
	bytes_release(&request);
	if (!l->client)
		test_fail("cannot connect to %s", a->address);
}

/* Everybody gets the same id with a number. */
static void check_id(struct audience *a, size_t number, const char *id)
{
	if (number >= a->numbers) {
		size_t more = number * 2 + 1;

		a->ids = realloc(a->ids, more * sizeof(*a->ids));
		memset(a->ids + a->numbers, 0,
			(more - a->numbers) * sizeof(*a->ids));
		a->numbers = more;
	}
	if (!a->ids[number])
		a->ids[number] = strdup(id);
	else if (strcmp(a->ids[number], id) != 0)
		test_fail("number %zu has id '%s', and for others '%s'", number,
			id, a->ids[number]);
}

static void take_number(
	struct audience *a, struct listener *l, const struct reader_event *e)
{
	int64_t now_ms = test_now_ms();
	size_t number = strtoull(e->data, NULL, 10);

	if (number == 0 || (l->seen && number != l->seen + 1))
		test_fail("listener %td: after number %zu came '%s'",
			l - a->list, l->seen, e->data);
	check_id(a, number, e->id);
	if (l->seen && now_ms - l->heard_ms > a->silence_ms)
		a->silence_ms = now_ms - l->heard_ms;
	l->seen = number;
	l->heard_ms = now_ms;
	a->deliveries++;
}

static void take_events(struct audience *a, struct listener *l)
{
	const struct reader *r = &l->client->reader;

	for (; l->events < r->event_count; l->events++) {
		const struct reader_event *e = &r->events[l->events];

		if (strcmp(e->type, "message") == 0)
			take_number(a, l, e);
		else if (strcmp(e->type, "waiting") == 0)
			a->waits++;
		else
			test_fail("listener %td: after number %zu came an "
				  "event '%s' '%s'",
				l - a->list, l->seen, e->type, e->data);
	}
}

/* The stream is over, perhaps within an event, which counts for nothing. */
static void leave(struct audience *a, struct listener *l)
{
	struct reader *r = &l->client->reader;

	if (*reader_last_id(r)) {
		free(l->last_id);
		l->last_id = strdup(reader_last_id(r));
	}
	l->due_ms = test_now_ms() +
		    (r->sse.has_retry ? (int64_t)r->sse.retry_ms : RETRY_MS);
	reader_close(r);
	l->client = NULL;
	a->ends++;
}

static void look(struct audience *a, struct listener *l)
{
	struct reader *r;

	if (!l->client) {
		if (test_now_ms() < l->due_ms)
			return;
		connect_again(a, l);
	}
	r = &l->client->reader;
	if (r->has_head && r->status != 200)
		test_fail("listener %td: status %d after number %zu",
			l - a->list, r->status, l->seen);
	take_events(a, l);
	if (r->ended || r->closed)
		leave(a, l);
}

void audience_look(struct audience *a)
{
	for (size_t i = 0; i < a->count; i++)
		look(a, &a->list[i]);
}

void audience_open(
	struct audience *a, const char *address, const char *path, size_t count)
{
	*a = (struct audience){ .address = address,
		.path = path,
		.list = calloc(count, sizeof(*a->list)),
		.count = count };
	for (size_t i = 0; i < count; i++)
		connect_again(a, &a->list[i]);
}

void audience_release(struct audience *a)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->list[i].client)
			reader_close(&a->list[i].client->reader);
		free(a->list[i].last_id);
	}
	for (size_t i = 0; i < a->numbers; i++)
		free(a->ids[i]);
	free(a->ids);
	free(a->list);
	*a = (struct audience){ .list = NULL };
}

bool audience_has(const struct audience *a, size_t number)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].seen < number)
			return false;
	return true;
}
