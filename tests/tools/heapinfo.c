/*
 * Loaded into a program with LD_PRELOAD, says at SIGUSR2 how often it has
 * allocated memory so far, and how many bytes of its heap are in use: lines
 * "allocations: N" and "heap: N" on standard error.
 *
 * A thread of its own waits for the signal, since mallinfo2 takes the locks
 * of malloc, which a handler must not.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* What malloc and its like are in glibc, beneath their names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static atomic_ulong allocations;

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}

static void *answer(void *unused)
{
	sigset_t set;
	int sig;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	while (sigwait(&set, &sig) == 0) {
		struct mallinfo2 info = mallinfo2();
		char text[80];
		int len = snprintf(text, sizeof(text),
			"allocations: %lu\nheap: %zu\n", allocations,
			info.uordblks + info.hblkhd);

		/* dprintf would allocate. */
		if (write(STDERR_FILENO, text, (size_t)len) != len)
			break;
	}
	return NULL;
}

/* Before main: whatever is blocked here is blocked in all its threads. */
__attribute__((constructor)) static void start(void)
{
	pthread_t thread;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (pthread_create(&thread, NULL, answer, NULL) == 0)
		pthread_detach(thread);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
