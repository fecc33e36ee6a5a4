/* One line, one write, and nothing of a client's that could forge another. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

/*
 * Standard error is a socket that keeps messages apart while a line is
 * logged: what one read returns was one write. cmocka needs the real one.
 */
static int log_end = -1;
static int test_end = -1;

static int open_ends(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		return -1;
	log_end = ends[0];
	test_end = ends[1];
	return 0;
}

static int close_ends(void **state)
{
	(void)state;
	close(log_end);
	close(test_end);
	return 0;
}

/* Reads what was written in one piece; returns its length. */
static size_t read_line(char *out, size_t size)
{
	ssize_t len = recv(test_end, out, size - 1, MSG_DONTWAIT);

	assert_true(len >= 0);
	out[len] = '\0';
	assert_int_equal(recv(test_end, out, 0, MSG_DONTWAIT), -1);
	return (size_t)len;
}

#define LOG_CAUGHT(call)                                                       \
	do {                                                                   \
		int real_ = dup(STDERR_FILENO);                                \
		dup2(log_end, STDERR_FILENO);                                  \
		call;                                                          \
		dup2(real_, STDERR_FILENO);                                    \
		close(real_);                                                  \
	} while (0)

static void begins_with_its_level(void **state)
{
	char line[2048];

	(void)state;
	LOG_CAUGHT(log_error("access: cannot open: %s", "why"));
	read_line(line, sizeof(line));
	assert_string_equal(line, "error: access: cannot open: why\n");
	LOG_CAUGHT(log_warning("x"));
	read_line(line, sizeof(line));
	assert_string_equal(line, "warning: x\n");
	LOG_CAUGHT(log_info("%d", 5));
	read_line(line, sizeof(line));
	assert_string_equal(line, "info: 5\n");
}

static void cuts_a_line_and_still_ends_it(void **state)
{
	/* Bytes after "info: ", which has 6; the newline is one more. */
	static const struct {
		int line;
		size_t given;
		size_t written;
	} cases[] = {
		{ __LINE__, 0, 7 },
		{ __LINE__, 1015, 1022 },
		{ __LINE__, 1016, 1023 },
		{ __LINE__, 1017, 1023 },
		{ __LINE__, 3000, 1023 },
	};
	char given[3001];
	char line[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(given, 'a', cases[i].given);
		given[cases[i].given] = '\0';
		LOG_CAUGHT(log_info("%s", given));
		size_t len = read_line(line, sizeof(line));

		if (len != cases[i].written || line[len - 1] != '\n' ||
			strchr(line, '\n') != line + len - 1)
			fail_msg("line %d: %zu bytes", cases[i].line, len);
	}
}

static void no_text_can_break_a_line(void **state)
{
	char line[2048];

	(void)state;
	LOG_CAUGHT(log_info(
		"%s: is there", "a\nerror: forged\r\x1b[2J\x7f\t\xc3\xa9"));
	read_line(line, sizeof(line));
	assert_string_equal(
		line, "info: a?error: forged??[2J??\xc3\xa9: is there\n");
}

static void says_only_so_much_of_a_subject_in_a_minute(void **state)
{
	struct log_budget budget = { 0 };
	char line[2048];
	int said = 0;

	(void)state;
	for (int i = 0; i < LOG_BUDGET_LINES; i++)
		said += log_spend(&budget, "access");
	assert_int_equal(said, LOG_BUDGET_LINES);
	LOG_CAUGHT(said += log_spend(&budget, "access"));
	read_line(line, sizeof(line));
	assert_string_equal(
		line, "info: access: more lines are left out for a minute\n");
	for (int i = 0; i < 1000; i++)
		said += log_spend(&budget, "access");
	assert_int_equal(said, LOG_BUDGET_LINES);
	assert_int_equal(recv(test_end, line, 1, MSG_DONTWAIT), -1);
	/* A minute later. */
	budget.begun_s -= 60;
	LOG_CAUGHT(said += log_spend(&budget, "access"));
	assert_int_equal(said, LOG_BUDGET_LINES + 1);
	read_line(line, sizeof(line));
	assert_string_equal(line, "info: access: 1001 lines were left out\n");
	/* And one in which nothing was left out says nothing. */
	budget.begun_s -= 60;
	assert_true(log_spend(&budget, "access"));
}

static void tells_the_journal_the_level(void **state)
{
	char stream[64], line[2048];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(log_end, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu",
		(unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	LOG_CAUGHT(log_error("a"));
	read_line(line, sizeof(line));
	assert_string_equal(line, "<3>error: a\n");
	LOG_CAUGHT(log_warning("b"));
	read_line(line, sizeof(line));
	assert_string_equal(line, "<4>warning: b\n");
	LOG_CAUGHT(log_info("c"));
	read_line(line, sizeof(line));
	assert_string_equal(line, "<6>info: c\n");
	/* Standard error is something else now. */
	setenv("JOURNAL_STREAM", "1:2", 1);
	LOG_CAUGHT(log_info("d"));
	read_line(line, sizeof(line));
	assert_string_equal(line, "info: d\n");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	LOG_CAUGHT(log_info("e"));
	read_line(line, sizeof(line));
	assert_string_equal(line, "info: e\n");
	unsetenv("JOURNAL_STREAM");
}

static void keeps_errno_for_its_caller(void **state)
{
	char line[2048];
	int after;

	(void)state;
	LOG_CAUGHT(errno = ENOSPC; log_error("full"); after = errno);
	read_line(line, sizeof(line));
	assert_int_equal(after, ENOSPC);
}

static void keeps_errno_when_nobody_reads(void **state)
{
	int real = dup(STDERR_FILENO);
	int after;

	(void)state;
	close(STDERR_FILENO);
	errno = EAGAIN;
	log_error("lost");
	after = errno;
	dup2(real, STDERR_FILENO);
	close(real);
	assert_int_equal(after, EAGAIN);
}

static void escapes_what_is_not_plain(void **state)
{
	static const struct {
		int line;
		const char *given;
		size_t size;
		const char *expected;
	} cases[] = {
		{ __LINE__, "", 10, "" },
		{ __LINE__, "plain ~text!", 64, "plain ~text!" },
		{ __LINE__, "a \"name\"", 64, "a \\x22name\\x22" },
		{ __LINE__, "a\r\nerror: b", 64, "a\\x0d\\x0aerror: b" },
		{ __LINE__, "\x1b[31m", 64, "\\x1b[31m" },
		{ __LINE__, "\\x0a", 64, "\\x5cx0a" },
		{ __LINE__, "\xc3\xa9\x7f\xff", 64, "\\xc3\\xa9\\x7f\\xff" },
		/* Cut between two bytes of the text, never inside \xHH. */
		{ __LINE__, "abcd", 4, "abc" },
		{ __LINE__, "ab\n", 6, "ab" },
		{ __LINE__, "ab\n", 7, "ab\\x0a" },
		{ __LINE__, "\n", 1, "" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(out, '?', sizeof(out));
		if (log_escape(out, cases[i].size, cases[i].given) != out ||
			strcmp(out, cases[i].expected) != 0 ||
			(cases[i].size < sizeof(out) &&
				out[cases[i].size] != '?'))
			fail_msg("line %d: %s", cases[i].line, out);
	}
}

static void writes_nothing_where_nothing_fits(void **state)
{
	char out = '?';

	(void)state;
	assert_ptr_equal(log_escape(&out, 0, "text"), &out);
	assert_int_equal(out, '?');
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_its_level),
		cmocka_unit_test(no_text_can_break_a_line),
		cmocka_unit_test(cuts_a_line_and_still_ends_it),
		cmocka_unit_test(says_only_so_much_of_a_subject_in_a_minute),
		cmocka_unit_test(tells_the_journal_the_level),
		cmocka_unit_test(keeps_errno_for_its_caller),
		cmocka_unit_test(keeps_errno_when_nobody_reads),
		cmocka_unit_test(escapes_what_is_not_plain),
		cmocka_unit_test(writes_nothing_where_nothing_fits),
	};

	return cmocka_run_group_tests_name("log", tests, open_ends, close_ends);
}
