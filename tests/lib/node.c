#define TESTS_LIB_INSIDE
#include "tests/lib/node.h"

#include <stdarg.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/fragment.h"
#include "tests/lib/test.h"

#define WORDS_MAX 16

static const struct server_kind lighttpd = {
	.name = "lighttpd mod_fastcgi, external",
	.program = "lighttpd",
	.fragment = "conf/lighttpd/fastcgi-external.conf",
	.ssetail = "ssetail.fcgi",
	.sets = "socket",
};

/* The files are there, and nothing runs yet. */
static void prepare(struct server *s)
{
	const struct fragment_value values[] = {
		{ "ssetail_ready", disk_subfolder(s->folder, "ready") },
		{ NULL, NULL },
	};
	char why[512];

	disk_subfolder(disk_path(s->folder, "ready"), NODE_STREAM);
	disk_remove(s->log);
	if (fragment_copy("conf/cluster/lighttpd.conf",
		    disk_path(s->folder, "cluster.conf"), values, NULL, why,
		    sizeof(why)))
		test_fail("%s", why);
}

void node_start(struct node *n, const struct redis *redis)
{
	*n = (struct node){ .redis = redis };
	server_start(&n->web, &lighttpd,
		&(struct server_how){
			.settings = "retry = 100; heartbeat = 1;",
			.source = "format = \"sse\"; ids = \"ordered\"; "
				  "public = true;",
			.site = "include \"cluster.conf\"",
			.prepare = prepare,
		});
	n->ready = disk_path(n->web.folder, "ready/" NODE_STREAM "/ready");
}

void node_start_bridge(struct node *n)
{
	n->bridge = node_run_script("bridge", "-r", n->redis->address, "-m",
		n->ready, "-s", n->size ? n->size : "16777216", NODE_STREAM,
		n->web.log, NULL);
}

bool node_is_ready(const struct node *n)
{
	return disk_exists(n->ready);
}

struct process *node_run_script(const char *name, ...)
{
	const char *argv[WORDS_MAX + 2] = { disk_path(
		"conf/cluster", "%s", name) };
	size_t count = 1;
	va_list words;

	va_start(words, name);
	while ((argv[count] = va_arg(words, const char *)))
		if (++count > WORDS_MAX)
			test_fail("too many words for %s", name);
	va_end(words);
	return process_start(&(struct process_how){ .argv = argv });
}
