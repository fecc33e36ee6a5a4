/* From a request to its sources, and from what happens to who is told. */
#include "tests/lib/test.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/hub.h"
#include "tests/lib/disk.h"

static struct config *load(const char *sources)
{
	const char *path = disk_path(disk_folder(), "ssetail.conf");
	struct config_faults faults = { 0 };
	struct config *config;

	disk_write(path, "sources = ( %s );\n", sources);
	config = config_load(path, &faults);
	if (!config)
		config_faults_print(&faults, path);
	assert_non_null(config);
	config_faults_release(&faults);
	return config;
}

/* ---- routes */

struct asked {
	const char *method, *path, *query, *script, *accept, *id;
	const char *user; /* who is logged in */
	const char *address, *claimed;
	const char *origin, *asked_method;
};

static const char *variable(const void *context, const char *name)
{
	const struct asked *a = context;

	if (strcmp(name, "REQUEST_METHOD") == 0)
		return a->method ? a->method : "GET";
	if (strcmp(name, "PATH_INFO") == 0)
		return a->path;
	if (strcmp(name, "QUERY_STRING") == 0)
		return a->query;
	if (strcmp(name, "SCRIPT_NAME") == 0)
		return a->script ? a->script : "/stream";
	if (strcmp(name, "HTTP_LAST_EVENT_ID") == 0)
		return a->id;
	if (strcmp(name, "REMOTE_ADDR") == 0)
		return a->address;
	if (strcmp(name, "REMOTE_USER") == 0)
		return a->user ? a->user : a->claimed;
	if (strcmp(name, "AUTH_TYPE") == 0)
		return a->user ? "Basic" : NULL;
	if (strcmp(name, "HTTP_ORIGIN") == 0)
		return a->origin;
	if (strcmp(name, "HTTP_ACCESS_CONTROL_REQUEST_METHOD") == 0)
		return a->asked_method;
	return NULL;
}

/* The names of the sources, or the status of the answer. */
static void expect_route(struct hub *h, struct asked a, const char *expected)
{
	struct buffer answer = BUFFER_INIT;
	struct bytes names = BYTES_INIT;
	struct request request;
	struct route route;
	enum request_outcome outcome = request_read(&request, variable, &a);

	if (hub_route(h, outcome, &request, &route, &answer)) {
		for (size_t i = 0; i < route.count; i++)
			bytes_add_format(&names, "%s%s", i ? "," : "",
				route.sources[i]->config->name);
		assert_int_equal(answer.len, 0);
	} else {
		assert_true(answer.len > 12);
		buffer_add_byte(&answer, '\0');
		const char *status = strstr(answer.data, "Status: ");

		bytes_add(&names, status ? status + 8 : "200", 3);
	}
	if (strcmp(bytes_text(&names), expected) != 0)
		fail_msg("%s %s?%s gives %s, not %s", a.method ? a.method : "",
			a.path ? a.path : "", a.query ? a.query : "",
			bytes_text(&names), expected);
	bytes_release(&names);
	buffer_release(&answer);
}

static void finds_the_sources_of_a_request(void **state)
{
	static const struct {
		struct asked asked;
		const char *expected;
	} cases[] = {
		{ { .path = "/one" }, "one" },
		{ { .path = "/two" }, "two" },
		{ { .path = "/one,two" }, "one,two" },
		{ { .path = "/two,one,three" }, "two,one,three" },
		{ { .query = "source=one" }, "one" },
		{ { .query = "source=two,one" }, "two,one" },
		{ { .path = "/one", .query = "source=two" }, "one" },
		{ { .script = "/events/one" }, "one" },
		{ { .script = "/events/two,one" }, "two,one" },
		{ { 0 }, "404" }, /* several, and none is called default */
		{ { .path = "/" }, "404" },
		{ { .path = "/none" }, "404" },
		{ { .path = "/one,none" }, "404" },
		{ { .path = "/ONE" }, "404" },
		{ { .path = "/one,one" }, "400" },
		{ { .path = "/../one" }, "404" },
		{ { .path = "/one", .query = "tail=x" }, "400" },
		{ { .path = "/none", .query = "tail=x" }, "400" },
		{ { .path = "/one", .method = "POST" }, "405" },
		{ { .path = "/none", .method = "POST" }, "405" },
		{ { .path = "/one", .method = "OPTIONS" }, "204" },
		{ { .path = "/one", .method = "HEAD" }, "200" },
		{ { .path = "/none", .method = "HEAD" }, "404" },
		/* a finite clock that was seen to its end, and others */
		{ { .path = "/three", .id = "3" }, "204" },
		{ { .path = "/three", .id = "4" }, "204" },
		{ { .path = "/three", .id = "2" }, "three" },
		{ { .path = "/three", .id = "3x" }, "three" },
		{ { .path = "/three", .id = "x" }, "three" },
		{ { .path = "/three" }, "three" },
		{ { .path = "/one,three", .id = "3" }, "one,three" },
		{ { .path = "/one", .id = "3" }, "one" },
	};
	struct config *config =
		load("{ name = \"one\"; path = \"/nowhere/one.log\"; },"
		     "{ name = \"two\"; path = \"/nowhere/two.log\"; },"
		     "{ name = \"three\"; type = \"clock\"; count = 3; }");
	struct hub h;

	(void)state;
	assert_int_equal(hub_init(&h, config), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_route(&h, cases[i].asked, cases[i].expected);
	hub_release(&h);
	config_free(config);
}

static void the_bare_mount_is_the_default_or_the_only_one(void **state)
{
	static const char *const configs[] = {
		"{ name = \"only\"; path = \"/nowhere/log\"; }",
		"{ name = \"one\"; path = \"/nowhere/log\"; },"
		"{ name = \"default\"; path = \"/nowhere/log\"; }",
	};
	static const char *const expected[] = { "only", "default" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct config *config = load(configs[i]);
		struct hub h;

		assert_int_equal(hub_init(&h, config), 0);
		expect_route(&h, (struct asked){ 0 }, expected[i]);
		expect_route(&h, (struct asked){ .path = "/" }, expected[i]);
		hub_release(&h);
		config_free(config);
	}
}

/* ---- access */

static const char guarded[] =
	"{ name = \"open\"; path = \"/nowhere/1\"; public = true; },"
	"{ name = \"user\"; path = \"/nowhere/2\"; require_user = true; },"
	"{ name = \"ann\"; path = \"/nowhere/3\"; users = [ \"ann\" ]; },"
	"{ name = \"near\"; type = \"clock\"; count = 3;"
	"  allow = [ \"10.0.0.0/8\" ]; }";

static void all_sources_of_a_request_must_be_allowed(void **state)
{
	static const struct {
		struct asked asked;
		const char *expected;
	} cases[] = {
		{ { .path = "/open" }, "open" },
		{ { .path = "/user" }, "404" },
		{ { .path = "/user", .claimed = "ann" }, "404" },
		{ { .path = "/user", .user = "zoe" }, "user" },
		{ { .path = "/ann" }, "404" },
		{ { .path = "/ann", .claimed = "ann" }, "404" },
		{ { .path = "/ann", .user = "ann" }, "ann" },
		{ { .path = "/ann", .user = "zoe" }, "403" },
		{ { .path = "/near" }, "404" },
		{ { .path = "/near", .address = "11.0.0.1" }, "404" },
		{ { .path = "/near", .address = "10.0.0.1" }, "near" },
		{ { .path = "/near", .address = "::ffff:10.0.0.1" }, "near" },
		{ { .path = "/near", .user = "ann" }, "404" },
		/* all or none; what is hidden outweighs what is forbidden */
		{ { .path = "/open,user", .user = "zoe" }, "open,user" },
		{ { .path = "/open,user" }, "404" },
		{ { .path = "/user,open" }, "404" },
		{ { .path = "/open,ann", .user = "zoe" }, "403" },
		{ { .path = "/ann,open", .user = "zoe" }, "403" },
		{ { .path = "/ann,near", .user = "zoe" }, "404" },
		{ { .path = "/near,ann", .user = "zoe" }, "404" },
		{ { .path = "/ann,none", .user = "zoe" }, "404" },
		{ { .query = "source=open,user" }, "404" },
		{ { .query = "source=ann", .user = "zoe" }, "403" },
		/* whatever the method, and before anything about the source */
		{ { .path = "/user", .method = "HEAD" }, "404" },
		{ { .path = "/ann", .method = "HEAD", .user = "zoe" }, "403" },
		{ { .path = "/user", .method = "OPTIONS" }, "204" },
		{ { .path = "/user", .method = "POST" }, "405" },
		{ { .path = "/user", .query = "tail=x" }, "400" },
		{ { .path = "/near", .id = "3" }, "404" },
		{ { .path = "/near", .id = "3", .address = "10.0.0.1" },
			"204" },
		/* the only one that a visitor sees */
		{ { 0 }, "open" },
		{ { .script = "/events/user" }, "open" },
		{ { .script = "/events/none" }, "open" },
		{ { .script = "/events/open,user" }, "open" },
		{ { .script = "/events/ann", .user = "zoe" }, "403" },
		{ { .script = "/events/ann", .user = "ann" }, "ann" },
		{ { .address = "10.0.0.1" }, "404" },
		{ { .user = "zoe" }, "404" },
	};
	struct config *config = load(guarded);
	struct hub h;

	(void)state;
	assert_int_equal(hub_init(&h, config), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_route(&h, cases[i].asked, cases[i].expected);
	hub_release(&h);
	config_free(config);
}

static void by_hand_no_rule_applies(void **state)
{
	struct config *config = load(guarded);
	struct hub h;

	(void)state;
	assert_int_equal(hub_init(&h, config), 0);
	h.is_by_hand = true;
	expect_route(&h, (struct asked){ .path = "/user,ann,near" },
		"user,ann,near");
	expect_route(&h, (struct asked){ 0 }, "404");
	hub_release(&h);
	config_free(config);
}

static void a_server_can_be_trusted_with_names(void **state)
{
	const char *path = disk_path(disk_folder(), "ssetail.conf");
	struct config_faults faults = { 0 };
	struct config *config;
	struct hub h;

	(void)state;
	disk_write(
		path, "trust_remote_user = true; sources = ( %s );", guarded);
	config = config_load(path, &faults);
	assert_non_null(config);
	assert_int_equal(hub_init(&h, config), 0);
	expect_route(
		&h, (struct asked){ .path = "/ann", .claimed = "ann" }, "ann");
	expect_route(
		&h, (struct asked){ .path = "/ann", .claimed = "zoe" }, "403");
	expect_route(&h, (struct asked){ .path = "/ann" }, "404");
	expect_route(
		&h, (struct asked){ .path = "/ann", .claimed = "" }, "404");
	hub_release(&h);
	config_free(config);
}

/* One that a visitor may not read is not there, called default or alone. */
static void the_bare_mount_passes_over_what_is_hidden(void **state)
{
	static const struct {
		const char *sources;
		const char *stranger, *zoe, *ann; /* what they get */
	} rows[] = {
		{ "{ name = \"a\"; path = \"/a\"; users = [ \"ann\" ]; }",
			"404", "403", "a" },
		{ "{ name = \"default\"; path = \"/a\"; users = [ \"ann\" ]; },"
		  "{ name = \"b\"; path = \"/b\"; }",
			"b", "403", "default" },
		{ "{ name = \"default\"; path = \"/a\"; users = [ \"ann\" ]; },"
		  "{ name = \"b\"; path = \"/b\"; },"
		  "{ name = \"c\"; path = \"/c\"; }",
			"404", "403", "default" },
		{ "{ name = \"a\"; path = \"/a\"; require_user = true; },"
		  "{ name = \"b\"; path = \"/b\"; }",
			"b", "404", "404" },
		{ "{ name = \"a\"; path = \"/a\"; require_user = true; },"
		  "{ name = \"b\"; path = \"/b\"; allow = [ \"::1\" ]; }",
			"404", "a", "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config *config = load(rows[i].sources);
		struct hub h;

		assert_int_equal(hub_init(&h, config), 0);
		expect_route(&h, (struct asked){ 0 }, rows[i].stranger);
		expect_route(
			&h, (struct asked){ .path = "/" }, rows[i].stranger);
		expect_route(&h, (struct asked){ .claimed = "ann" },
			rows[i].stranger);
		expect_route(&h, (struct asked){ .user = "zoe" }, rows[i].zoe);
		expect_route(&h, (struct asked){ .user = "ann" }, rows[i].ann);
		hub_release(&h);
		config_free(config);
	}
}

/* ---- other origins */

/* The origin that is granted, in brackets where it comes with credentials,
 * and a "+" where another may be granted something else. */
static void grant_text(const struct cors_grant *g, struct bytes *out)
{
	bytes_add_format(out, g->with_credentials ? "(%s)%s" : "%s%s",
		g->origin ? g->origin : "none", g->varies ? "+" : "");
}

static void expect_grant(
	struct hub *h, struct asked a, const char *expected, int line)
{
	struct buffer answer = BUFFER_INIT;
	struct bytes text = BYTES_INIT;
	struct request request;
	struct route route;
	enum request_outcome outcome = request_read(&request, variable, &a);

	hub_route(h, outcome, &request, &route, &answer);
	grant_text(&route.cors, &text);
	if (strcmp(bytes_text(&text), expected) != 0)
		fail_msg("line %d: %s, not %s", line, bytes_text(&text),
			expected);
	bytes_release(&text);
	buffer_release(&answer);
}

/* The sources: what each says about origins and visitors. */
#define SHARED                                                                 \
	"{ name = \"plain\"; path = \"/nowhere/1\"; },"                        \
	"{ name = \"b\"; path = \"/nowhere/2\";"                               \
	"  cors_origins = [ \"http://a\", \"http://b\" ]; },"                  \
	"{ name = \"none\"; path = \"/nowhere/3\"; cors_origins = [ ]; },"     \
	"{ name = \"ann\"; path = \"/nowhere/4\"; users = [ \"ann\" ];"        \
	"  cors_origins = [ \"http://c\" ]; },"                                \
	"{ name = \"near\"; path = \"/nowhere/5\";"                            \
	"  allow = [ \"10.0.0.0/8\" ]; cors_origins = [ \"http://d\" ]; }"
#define ANY                                                                    \
	", { name = \"any\"; type = \"clock\"; count = 3;"                     \
	"  cors_origins = [ \"*\" ]; }"

struct grant_row {
	int line;
	struct asked asked;
	const char *expected;
};

static void expect_grants(const char *whole, const char *sources,
	const struct grant_row *rows, size_t count)
{
	const char *path = disk_path(disk_folder(), "ssetail.conf");
	struct config_faults faults = { 0 };
	struct config *config;
	struct hub h;

	disk_write(path, "%s sources = ( %s );", whole, sources);
	config = config_load(path, &faults);
	assert_non_null(config);
	assert_int_equal(hub_init(&h, config), 0);
	for (size_t i = 0; i < count; i++)
		expect_grant(&h, rows[i].asked, rows[i].expected, rows[i].line);
	hub_release(&h);
	config_free(config);
}

#define A(...)                                                                 \
	{                                                                      \
		.origin = "http://a", __VA_ARGS__                              \
	}
#define FROM(from, ...)                                                        \
	{                                                                      \
		.origin = from, __VA_ARGS__                                    \
	}
#define ROWS(rows) rows, sizeof(rows) / sizeof(*(rows))

static void a_source_decides_before_the_whole(void **state)
{
	static const struct grant_row rows[] = {
		{ __LINE__, A(.path = "/plain"), "http://a+" },
		{ __LINE__, FROM("http://b", .path = "/plain"), "none+" },
		{ __LINE__, { .path = "/plain" }, "none+" },
		{ __LINE__, A(.path = "/b"), "http://a+" },
		{ __LINE__, FROM("http://b", .path = "/b"), "http://b+" },
		{ __LINE__, A(.path = "/any"), "*" },
		{ __LINE__, { .path = "/any" }, "*" },
		{ __LINE__, FROM("null", .path = "/any"), "*" },
		{ __LINE__, A(.path = "/none"), "none" },
		/* of several, all have to */
		{ __LINE__, A(.path = "/plain,b,any"), "http://a+" },
		{ __LINE__, FROM("http://b", .path = "/plain,b"), "none+" },
		{ __LINE__, FROM("http://b", .path = "/b,any"), "http://b+" },
		{ __LINE__, A(.path = "/any,none"), "none" },
		/* where a source has an answer of its own */
		{ __LINE__, A(.path = "/any", .id = "3"), "*" },
		{ __LINE__, A(.path = "/any", .method = "HEAD"), "*" },
		{ __LINE__, FROM("http://c", .path = "/ann", .user = "ann"),
			"http://c+" },
		{ __LINE__, FROM("http://c", .path = "/ann", .user = "zoe"),
			"http://c+" },
		{ __LINE__, A(.path = "/ann", .user = "zoe"), "none+" },
		/* where no source is concerned, the whole decides */
		{ __LINE__, A(.path = "/unknown"), "http://a+" },
		{ __LINE__, A(.path = "/.."), "http://a+" },
		{ __LINE__, A(.path = "/any", .query = "tail=x"), "http://a+" },
		{ __LINE__, A(.path = "/none", .method = "POST"), "http://a+" },
		{ __LINE__, A(.path = "/none", .method = "OPTIONS"),
			"http://a+" },
		{ __LINE__, FROM("http://b", .path = "/unknown"), "none+" },
		/* and where a source is hidden */
		{ __LINE__, FROM("http://c", .path = "/ann"), "none+" },
		{ __LINE__, A(.path = "/ann"), "http://a+" },
		{ __LINE__, FROM("http://d", .path = "/near"), "none+" },
		{ __LINE__, FROM("http://c", .path = "/any,ann"), "none+" },
	};

	(void)state;
	expect_grants(
		"cors_origins = [ \"http://a\" ];", SHARED ANY, ROWS(rows));
}

static void without_a_word_about_it_nothing_is_granted(void **state)
{
	static const struct grant_row rows[] = {
		{ __LINE__, A(.path = "/plain"), "none" },
		{ __LINE__, A(.path = "/plain,any"), "none" },
		{ __LINE__, A(.path = "/unknown"), "none" },
		{ __LINE__, A(.path = "/any", .method = "POST"), "none" },
		{ __LINE__, A(.path = "/any"), "*" },
		{ __LINE__, FROM("http://c", .path = "/ann"), "none" },
	};

	(void)state;
	expect_grants("", SHARED ANY, ROWS(rows));
}

/* The same for every name, known, hidden or not there. */
static void a_preflight_is_for_whoever_may_read_anything(void **state)
{
	static const struct {
		int line;
		const char *origin, *address, *expected;
	} rows[] = {
		{ __LINE__, "http://a", NULL, "http://a+" },
		{ __LINE__, "http://b", NULL, "http://b+" },
		/* who has logged in is not known yet */
		{ __LINE__, "http://c", NULL, "http://c+" },
		/* and from where is */
		{ __LINE__, "http://d", NULL, "none+" },
		{ __LINE__, "http://d", "10.0.0.1", "http://d+" },
		{ __LINE__, "http://e", "10.0.0.1", "none+" },
	};
	static const char *const paths[] = { "/plain", "/b", "/ann", "/near",
		"/none", "/unknown", "/..", "/any,ann", NULL };
	struct grant_row all[sizeof(rows) / sizeof(*rows) *
			     (sizeof(paths) / sizeof(*paths))];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t j = 0; j < sizeof(paths) / sizeof(*paths); j++)
			all[count++] = (struct grant_row){ rows[i].line,
				{ .origin = rows[i].origin,
					.address = rows[i].address,
					.path = paths[j],
					.method = "OPTIONS",
					.asked_method = "GET" },
				rows[i].expected };
	expect_grants("cors_origins = [ \"http://a\" ];", SHARED, all, count);
}

static void credentials_come_with_an_exact_origin(void **state)
{
	static const struct grant_row rows[] = {
		{ __LINE__, A(.path = "/plain"), "(http://a)+" },
		{ __LINE__, A(.path = "/plain,b"), "(http://a)+" },
		{ __LINE__, FROM("http://b", .path = "/plain"), "none+" },
		{ __LINE__, A(.path = "/none"), "none" },
		{ __LINE__, A(.path = "/unknown"), "(http://a)+" },
		{ __LINE__, { .path = "/plain" }, "none+" },
		{ __LINE__,
			A(.path = "/plain", .method = "OPTIONS",
				.asked_method = "GET"),
			"(http://a)+" },
	};

	(void)state;
	expect_grants("cors_origins = [ \"http://a\" ]; "
		      "cors_credentials = true;",
		SHARED, ROWS(rows));
}

/* ---- news */

struct told {
	struct hub *hub;
	unsigned times[4]; /* by source */
};

static void tell(
	void *context, struct source *source, enum feed_outcome outcome)
{
	struct told *t = context;

	assert_int_not_equal(outcome, FEED_NOTHING);
	for (size_t i = 0; i < t->hub->source_count; i++)
		t->times[i] += t->hub->sources[i] == source;
}

static void follow(struct hub *h, size_t source, struct follower *f)
{
	assert_int_equal(
		feed_follow(&h->sources[source]->feed, f, NULL, 0, false, 0),
		FEED_NOTHING);
}

static struct config *two_logs(const char *folder)
{
	struct bytes text = BYTES_INIT;
	struct config *config;

	bytes_add_format(&text,
		"{ name = \"one\"; path = \"%s/one.log\"; },"
		"{ name = \"clock\"; type = \"clock\"; },"
		"{ name = \"two\"; path = \"%s/two.log\"; }",
		folder, folder);
	config = load(text.data);
	bytes_release(&text);
	return config;
}

static bool has_events(struct hub *h)
{
	struct pollfd fd = { watch_descriptor(h->watch), POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

static void tells_of_the_source_that_has_news(void **state)
{
	const char *folder = disk_folder();
	struct config *config = two_logs(folder);
	struct follower one, two;
	uint64_t version;
	struct hub h;
	struct told told = { &h, { 0 } };

	(void)state;
	disk_touch(disk_path(folder, "one.log"));
	disk_touch(disk_path(folder, "two.log"));
	assert_int_equal(hub_init(&h, config), 0);
	assert_false(hub_needs_timer(&h));
	follow(&h, 0, &one);
	follow(&h, 2, &two);
	assert_true(hub_needs_timer(&h));
	version = h.version;

	disk_append(disk_path(folder, "two.log"), "x\n");
	assert_true(has_events(&h));
	hub_read_watch(&h, tell, &told);
	assert_false(has_events(&h));
	assert_int_equal(told.times[0], 0);
	assert_int_equal(told.times[2], 1);
	assert_true(h.version > version);

	/* Half a line is no news. */
	version = h.version;
	disk_append(disk_path(folder, "two.log"), "half");
	hub_read_watch(&h, tell, &told);
	assert_int_equal(told.times[2], 1);
	assert_int_equal(h.version, version);

	/* Another file in the folder is none, either. */
	disk_append(disk_path(folder, "three.log"), "x\n");
	hub_read_watch(&h, tell, &told);
	assert_int_equal(told.times[0], 0);
	assert_int_equal(told.times[2], 1);

	feed_leave(&h.sources[0]->feed, &one);
	feed_leave(&h.sources[2]->feed, &two);
	assert_false(hub_needs_timer(&h));
	hub_release(&h);
	config_free(config);
}

/* Where inotify says nothing, or is not to be had. */
static void the_timer_finds_what_nobody_told(void **state)
{
	const char *folder = disk_folder();
	struct config *config = two_logs(folder);
	struct follower one;
	struct hub h;
	struct told told = { &h, { 0 } };

	(void)state;
	disk_touch(disk_path(folder, "one.log"));
	assert_int_equal(hub_init(&h, config), 0);
	watch_free(h.watch);
	h.watch = NULL;
	for (size_t i = 0; i < h.source_count; i++)
		h.sources[i]->feed.watch = NULL;
	follow(&h, 0, &one);
	disk_append(disk_path(folder, "one.log"), "x\n");
	hub_read_watch(&h, tell, &told);
	assert_int_equal(told.times[0], 0);
	hub_look(&h, true, tell, &told);
	assert_int_equal(told.times[0], 1);
	hub_look(&h, true, tell, &told);
	assert_int_equal(told.times[0], 1);
	feed_leave(&h.sources[0]->feed, &one);
	hub_release(&h);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			a_source_decides_before_the_whole, test_cleanup),
		cmocka_unit_test_teardown(
			without_a_word_about_it_nothing_is_granted,
			test_cleanup),
		cmocka_unit_test_teardown(
			a_preflight_is_for_whoever_may_read_anything,
			test_cleanup),
		cmocka_unit_test_teardown(
			credentials_come_with_an_exact_origin, test_cleanup),
		cmocka_unit_test_teardown(
			finds_the_sources_of_a_request, test_cleanup),
		cmocka_unit_test_teardown(
			the_bare_mount_is_the_default_or_the_only_one,
			test_cleanup),
		cmocka_unit_test_teardown(
			all_sources_of_a_request_must_be_allowed, test_cleanup),
		cmocka_unit_test_teardown(
			by_hand_no_rule_applies, test_cleanup),
		cmocka_unit_test_teardown(
			a_server_can_be_trusted_with_names, test_cleanup),
		cmocka_unit_test_teardown(
			the_bare_mount_passes_over_what_is_hidden,
			test_cleanup),
		cmocka_unit_test_teardown(
			tells_of_the_source_that_has_news, test_cleanup),
		cmocka_unit_test_teardown(
			the_timer_finds_what_nobody_told, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
