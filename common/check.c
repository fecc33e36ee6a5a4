#include "common/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/file.h"
#include "common/obstacle.h"
#include "common/remedy.h"
#include "common/sandbox.h"
#include "common/siblings.h"
#include "common/spool.h"

/* What is in the way of one source. */
struct findings {
	struct obstacle *list;
	size_t count;
	size_t room;
};

static void add(struct findings *f, const struct obstacle *o)
{
	if (o->kind == OBSTACLE_NONE)
		return;
	/* Whatever is behind it is missed for the same reason. */
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].kind == o->kind &&
			strcmp(f->list[i].path, o->path) == 0)
			return;
	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 4;
		struct obstacle *list = realloc(f->list, room * sizeof(*list));

		if (!list)
			return;
		f->list = list;
		f->room = room;
	}
	f->list[f->count++] = *o;
}

/* ---- the log itself */

/* Opens it as the programs do; what they cannot open has an obstacle. */
static bool try_log(const char *path, struct obstacle *o)
{
	struct file *file;
	enum file_state state = file_open(AT_FDCWD, path, &file);
	int error = errno;

	obstacle_find(o, path);
	if (state == FILE_OPEN) {
		file_close(file);
	} else if (o->kind == OBSTACLE_NONE) {
		o->kind = OBSTACLE_OTHER;
		o->error = error;
	}
	return o->kind == OBSTACLE_NONE;
}

/* ---- its rotated files */

static void split(char path[PATH_MAX], char base[NAME_MAX + 1])
{
	char *slash = strrchr(path, '/');

	snprintf(base, NAME_MAX + 1, "%s", slash + 1);
	slash[slash == path] = '\0';
}

/* Where the rotated files are and what they are siblings of, as chain.c has
 * it; false where that cannot be seen. */
static bool find_folder(const char *path, const struct obstacle *log,
	char folder[PATH_MAX], char base[NAME_MAX + 1])
{
	switch (log->kind) {
	case OBSTACLE_NONE:
	case OBSTACLE_READ:
		snprintf(folder, PATH_MAX, "%s", log->path);
		break;
	case OBSTACLE_ABSENT:
		snprintf(folder, PATH_MAX, "%s", path);
		break;
	default:
		return false;
	}
	split(folder, base);
	return true;
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static void try_each(
	struct findings *f, const char *folder, const struct siblings *siblings)
{
	for (size_t i = 0; i < siblings->count; i++) {
		const struct sibling *s = &siblings->list[i];
		char path[PATH_MAX + sizeof(s->name)];
		struct obstacle o;

		/* Those that are compressed nobody reads. */
		if (s->compressed)
			continue;
		snprintf(path, sizeof(path), "%s/%s",
			strcmp(folder, "/") ? folder : "", s->name);
		obstacle_find(&o, path);
		/* Rotated away in the meantime. */
		if (o.kind != OBSTACLE_ABSENT)
			add(f, &o);
	}
}

static void try_rotated(struct findings *f, const struct source_config *source,
	const struct obstacle *log)
{
	char folder[PATH_MAX], base[NAME_MAX + 1];
	bool linked = log->kind != OBSTACLE_ABSENT && is_link(source->path);
	struct siblings siblings = { 0 };
	struct obstacle o;
	int dir;

	if (!find_folder(source->path, log, folder, base))
		return;
	obstacle_find_listing(&o, folder);
	add(f, &o);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	if (siblings_list(dir, base, source->rotated, linked, &siblings) == 0)
		try_each(f, folder, &siblings);
	siblings_release(&siblings);
	close(dir);
}

/* ---- named pipes */

/* The folder that a path is in. */
static void folder_of(const char *path, char folder[PATH_MAX])
{
	char base[NAME_MAX + 1];

	snprintf(folder, PATH_MAX, "%s", path);
	split(folder, base);
}

/*
 * Why the pipe cannot be read, or NULL. It is not opened: whoever waits to
 * write to it would be let go on, and then find nobody reading.
 */
static const char *why_not_pipe(const struct source_config *source)
{
	char folder[PATH_MAX];
	struct stat st;

	if (stat(source->path, &st) == 0) {
		if (!S_ISFIFO(st.st_mode))
			return "is no named pipe";
		return faccessat(AT_FDCWD, source->path, R_OK, AT_EACCESS) < 0
			       ? "may not be read by us"
			       : NULL;
	}
	if (errno != ENOENT)
		return strerror(errno);
	if (!source->create)
		return "is not there, and create is not true";
	folder_of(source->path, folder);
	if (stat(folder, &st) < 0)
		return "is not there, nor is its folder";
	return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0
		       ? "is not there, and may not be made by us"
		       : NULL;
}

/* Nothing fails by this here: it may fail for those who write. */
static void warn_of_sticky_folder(const struct source_config *source)
{
	char folder[PATH_MAX];
	struct stat st;

	folder_of(source->path, folder);
	if (stat(folder, &st) < 0 || !(st.st_mode & S_ISVTX) ||
		!(st.st_mode & S_IWOTH))
		return;
	fprintf(stderr,
		"%s: %s: a pipe in a folder like this one is no good: the "
		"kernel keeps other users from writing to it "
		"(fs.protected_fifos), and a service with PrivateTmp has "
		"another folder of that name\n",
		source->name, source->path);
}

static bool check_pipe(
	const struct config *config, const struct source_config *source)
{
	const char *why = why_not_pipe(source);
	bool is_well = !why;

	if (why)
		fprintf(stderr, "%s: %s: %s\n", source->name, source->path,
			why);
	why = spool_obstacle(config->state_dir, source->name);
	if (why)
		fprintf(stderr, "%s: state_dir %s: %s\n", source->name,
			config->state_dir, why);
	warn_of_sticky_folder(source);
	return is_well && !why;
}

/* ---- the sandbox */

static void print_grant(const struct grant *grant)
{
	static const struct {
		unsigned right;
		const char *words;
	} list[] = {
		{ GRANT_READ, "read" },
		{ GRANT_WRITE, "write" },
		{ GRANT_PIPE, "make pipes" },
		{ GRANT_REMOVE, "remove the socket" },
	};
	const char *before = ": ";

	printf("sandbox: %s", grant->path);
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (grant->rights & list[i].right) {
			printf("%s%s", before, list[i].words);
			before = ", ";
		}
	puts(grant->rights ? "" : ": is not there: needs a restart when it is");
}

static void warn_of_root(
	const struct config *config, const struct grants *grants)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (grants_give_root(grants, config, &config->sources[i]))
			fprintf(stderr, "sandbox: %s: " SANDBOX_ROOT "\n",
				config->sources[i].name);
}

static void print_sandbox(
	const struct config *config, const struct grants *grants)
{
	if (!config->sandbox) {
		puts("sandbox: off");
		return;
	}
	for (size_t i = 0; i < grants->count; i++)
		print_grant(&grants->list[i]);
	if (sandbox_version() < 0)
		puts("sandbox: " SANDBOX_NO_LANDLOCK);
	else
		warn_of_root(config, grants);
}

/* ---- all of it */

struct tally {
	size_t unreadable;
	size_t partly; /* without all that was rotated */
	bool about_rights;
};

static void print_findings(struct tally *t, const struct source_config *source,
	const struct findings *f, bool readable)
{
	if (f->count == 0)
		return;
	if (readable)
		t->partly++;
	else
		t->unreadable++;
	fprintf(stderr, "%s: %s: %s\n", source->name, source->path,
		readable ? "can be read, but not all that was rotated: a "
			   "reader that was away may get a gap"
			 : "cannot be read");
	t->about_rights |= remedy_print(stderr, f->list, f->count);
}

static void check_file(struct tally *t, const struct source_config *source)
{
	struct findings f = { 0 };
	struct obstacle o;
	bool readable = try_log(source->path, &o);

	add(&f, &o);
	try_rotated(&f, source, &o);
	print_findings(t, source, &f, readable);
	free(f.list);
}

static void print_summary(const struct config *config, const struct tally *t)
{
	printf("%s: %zu sources, %zu of them cannot be read now, %zu not in "
	       "full; tried as ",
		config->file, config->source_count, t->unreadable, t->partly);
	remedy_print_user(stdout);
	if (geteuid() == 0)
		printf(". Root may read anything: run this as the user of the "
		       "service");
	putchar('\n');
}

/* Nothing fails by this: it may be meant, and then it should be said. */
static void warn_of_open_sources(const struct config *config)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (access_is_open_unsaid(&config->sources[i].access))
			fprintf(stderr,
				"%s: anybody may read this source: say so with "
				"public = true, or give it require_user, users "
				"or allow\n",
				config->sources[i].name);
}

int check_sources(const struct config *config, const struct grants *grants)
{
	struct tally t = { 0 };

	warn_of_open_sources(config);
	for (size_t i = 0; i < config->source_count; i++) {
		const struct source_config *source = &config->sources[i];

		if (source->type == SOURCE_FILE)
			check_file(&t, source);
		if (source->type == SOURCE_FIFO && !check_pipe(config, source))
			t.unreadable++;
	}
	if (t.about_rights)
		remedy_print_warning(stderr);
	print_sandbox(config, grants);
	print_summary(config, &t);
	return t.unreadable + t.partly > 0 ? EX_NOINPUT : 0;
}
