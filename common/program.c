#include "common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* In a chroot without /dev the number is taken by what can neither be read
 * nor written. */
static int open_placeholder(void)
{
	int fd = open("/dev/null", O_RDWR);

	return fd < 0 ? open("/", O_PATH) : fd;
}

int program_guard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (errno != EBADF || open_placeholder() != fd)
			return -1;
	}
	return 0;
}

void program_spare_owner(void)
{
	mode_t mask = umask(S_IRWXG | S_IRWXO);

	umask(mask & (S_IRWXG | S_IRWXO));
}

int64_t program_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t program_lifetime_ms(unsigned lifetime_s)
{
	int64_t whole = (int64_t)lifetime_s * 1000;

	return whole - arc4random_uniform((uint32_t)(whole / 10) + 1);
}
