/*
 * Loaded into a program with LD_PRELOAD, has it looked into in /proc by others
 * than root: that it is not to be dumped (PR_SET_DUMPABLE) is not done. The
 * rest of its sandbox holds.
 */
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int prctl(int option, ...)
{
	unsigned long arguments[4];
	va_list list;

	va_start(list, option);
	for (int i = 0; i < 4; i++)
		arguments[i] = va_arg(list, unsigned long);
	va_end(list);
	if (option == PR_SET_DUMPABLE)
		return 0;
	return (int)syscall(SYS_prctl, option, arguments[0], arguments[1],
		arguments[2], arguments[3]);
}
