/*
 * Loaded into a program with LD_PRELOAD, has one allocation fail: the n-th of
 * all its threads, NOROOM_AT=n. At its end it says how many there were, a line
 * "allocations: N" on standard error, when NOROOM_AT=0.
 *
 * Within libraries that end the program, or crash, when they get none, none
 * fails: that there is enough for them is asked before (common/memory.h).
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static _Atomic unsigned made;

/* What the loader makes comes first, and is not the program's. */
static unsigned wanted;

__attribute__((constructor)) static void start(void)
{
	const char *at = getenv("NOROOM_AT");

	wanted = at ? (unsigned)strtoul(at, NULL, 10) : 0;
	made = 0;
}

__attribute__((destructor)) static void say(void)
{
	if (!wanted)
		dprintf(STDERR_FILENO, "allocations: %u\n", made);
}

/* Within how many of its functions. */
static _Thread_local unsigned spared;

static bool fails(void)
{
	if (spared)
		return false;
	if (++made != wanted)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

/* ---- the libraries: their functions that allocate */

static void *begin(const char *name)
{
	spared++;
	return dlsym(RTLD_NEXT, name);
}

static int end(int result)
{
	spared--;
	return result;
}

typedef void init_function(void *config);
typedef int read_function(void *config, const char *text);
typedef int accept_function(void *request);

init_function config_init;
read_function config_read_string;
accept_function FCGX_Accept_r;

void config_init(void *config)
{
	((init_function *)begin("config_init"))(config);
	end(0);
}

int config_read_string(void *config, const char *text)
{
	return end(
		((read_function *)begin("config_read_string"))(config, text));
}

int FCGX_Accept_r(void *request)
{
	return end(((accept_function *)begin("FCGX_Accept_r"))(request));
}
