#include "tests/bench/folder.h"

#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/lib/bytes.h"

#define FILES_MAX 2048
#define PATH_SIZE 96

static char folder[] = "/tmp/ssetail-bench.XXXXXX";
static char paths[FILES_MAX][PATH_SIZE];
static size_t count;
static pid_t owner;

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_folder(void)
{
	if (getpid() == owner)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Not safe in a handler by the letter; at worst the folder stays. */
static void stop(int signal)
{
	exit(128 + signal);
}

static void make_folder(void)
{
	if (!mkdtemp(folder))
		die_errno("%s", folder);
	owner = getpid();
	atexit(remove_folder);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	signal(SIGHUP, stop);
	signal(SIGPIPE, stop);
}

const char *folder_path(const char *name)
{
	char path[PATH_SIZE];

	if (!owner)
		make_folder();
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_SIZE)
		die("%s: too long a name", name);
	for (size_t i = 0; i < count; i++)
		if (strcmp(paths[i], path) == 0)
			return paths[i];
	if (count == FILES_MAX)
		die("too many files");
	return strcpy(paths[count++], path);
}

const char *folder_new_path(const char *name)
{
	static unsigned number;
	char unique[PATH_SIZE];

	snprintf(unique, sizeof(unique), "%u-%s", number++, name);
	return folder_path(unique);
}

const char *folder_write(const char *name, const char *format, ...)
{
	const char *path = folder_path(name);
	FILE *f = fopen(path, "we");
	va_list args;

	va_start(args, format);
	if (!f || vfprintf(f, format, args) < 0 || fclose(f))
		die_errno("%s", path);
	va_end(args);
	return path;
}

static struct bytes read_file(const char *path)
{
	struct bytes text = BYTES_INIT;
	char block[4096];
	size_t n;
	FILE *f = fopen(path, "re");

	if (!f)
		die_errno("%s", path);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		bytes_add(&text, block, n);
	fclose(f);
	return text;
}

const char *folder_fill(
	const char *name, const char *from, const char *const values[][2])
{
	struct bytes text = read_file(from);
	const char *path;

	for (size_t i = 0; values[i][0]; i++) {
		struct bytes filled = BYTES_INIT;
		char mark[32];

		snprintf(mark, sizeof(mark), "@%s@", values[i][0]);
		bytes_add_replaced(
			&filled, bytes_text(&text), mark, values[i][1]);
		bytes_release(&text);
		text = filled;
	}
	path = folder_write(name, "%s", bytes_text(&text));
	bytes_release(&text);
	return path;
}
