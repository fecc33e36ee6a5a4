/*
 * interrupt: an object that GNU make loads into itself (its manual, section
 * "Loading Dynamic Objects") for `make run`.
 *
 * SIGINT that a terminal sends reaches make and all it runs. SIGINT that a
 * script sends to make alone does not: make keeps it to itself and waits for
 * its children, and where make was started in the background of a script,
 * with SIGINT ignored (POSIX.1-2017, XCU 2.11), nothing happens at all.
 * SIGTERM is passed on. So SIGINT becomes SIGTERM; and so do SIGQUIT, which
 * is in the same position, and SIGHUP, unless nohup(1) wants it ignored.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

int plugin_is_GPL_compatible;
int interrupt_gmk_setup(void);

static void end(int signal)
{
	(void)signal;
	kill(getpid(), SIGTERM);
}

/* Returns 1: loaded, and not to be remade. */
int interrupt_gmk_setup(void)
{
	struct sigaction action = { .sa_handler = end, .sa_flags = SA_RESTART };
	struct sigaction hangup;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGQUIT, &action, NULL);
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	return 1;
}
