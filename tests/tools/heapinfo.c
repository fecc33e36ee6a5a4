/*
 * Loaded into a program with LD_PRELOAD, says at SIGUSR2 how many bytes of
 * its heap are in use: a line "heap: N" on standard error.
 *
 * A thread of its own waits for the signal, since mallinfo2 takes the locks
 * of malloc, which a handler must not.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void *answer(void *unused)
{
	sigset_t set;
	int sig;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	while (sigwait(&set, &sig) == 0) {
		struct mallinfo2 info = mallinfo2();

		dprintf(STDERR_FILENO, "heap: %zu\n",
			info.uordblks + info.hblkhd);
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
