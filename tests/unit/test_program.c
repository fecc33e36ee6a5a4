#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/program.h"

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__,    \
				__LINE__, #condition, errno);                  \
			return 1;                                              \
		}                                                              \
	} while (0)

/* In a process of its own: returns 0 when all is well. */
static int guard(void)
{
	int saved = fcntl(2, F_DUPFD, 10);

	for (int closed = 0; closed < 8; closed++) {
		for (int fd = 0; fd < 3; fd++) {
			dup2(saved, fd);
			if (closed & 1 << fd)
				close(fd);
		}
		CHECK(program_guard_descriptors() == 0);
		for (int fd = 0; fd < 3; fd++) {
			struct stat now, null;

			CHECK(fcntl(fd, F_GETFD) == 0);
			CHECK(stat("/dev/null", &null) == 0);
			CHECK(fstat(fd, &now) == 0);
			CHECK(!(closed & 1 << fd) ||
				now.st_rdev == null.st_rdev);
		}
	}
	dup2(saved, 2);
	return 0;
}

static void closed_descriptors_become_dev_null(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(guard());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_umask_denies_the_owner_nothing(void **state)
{
	static const mode_t masks[][2] = { { 0777, 077 }, { 0722, 022 },
		{ 027, 027 }, { 0, 0 } };
	mode_t before = umask(0);

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		umask(masks[i][0]);
		program_spare_owner();
		assert_int_equal(umask(0), masks[i][1]);
	}
	umask(before);
}

static void a_lifetime_is_spread_by_a_tenth(void **state)
{
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t ms = program_lifetime_ms(240);

		assert_in_range(ms, 216000, 240000);
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_true(most - least > 12000);
}

static void time_goes_on(void **state)
{
	int64_t before = program_now_ms();
	const struct timespec moment = { 0, 2000000 };

	(void)state;
	nanosleep(&moment, NULL);
	assert_true(program_now_ms() > before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_descriptors_become_dev_null),
		cmocka_unit_test(a_umask_denies_the_owner_nothing),
		cmocka_unit_test(a_lifetime_is_spread_by_a_tenth),
		cmocka_unit_test(time_goes_on),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
