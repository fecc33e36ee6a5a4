/* What is advised, beyond what tests/front/test_check.c provokes. */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/remedy.h"

/* Owned by nobody that we are. */
static struct obstacle denied(const char *path, mode_t mode)
{
	struct obstacle o = { .kind = OBSTACLE_READ, .error = EACCES };

	snprintf(o.path, sizeof(o.path), "%s", path);
	o.st.st_mode = S_IFREG | mode;
	o.st.st_uid = geteuid() + 1;
	o.st.st_gid = 4000000000;
	return o;
}

/* What is printed. The caller frees it. */
static char *printed(const struct obstacle *list, size_t count)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	remedy_print(f, list, count);
	fclose(f);
	return text;
}

static void expect(const struct obstacle *list, size_t count, const char *text)
{
	char *all = printed(list, count);

	if (!strstr(all, text))
		fail_msg("no \"%s\" in:\n%s", text, all);
	free(all);
}

static void a_path_is_a_word_for_a_shell(void **state)
{
	(void)state;
	static const struct {
		const char *path, *word;
	} cases[] = {
		{ "/plain/a_b-c.log", ":r /plain/a_b-c.log\n" },
		{ "/a b", ":r '/a b'\n" },
		{ "/it's", ":r '/it'\\''s'\n" },
		{ "/$(x);`y`", ":r '/$(x);`y`'\n" },
		{ "/~", ":r '/~'\n" },
		/* A pattern that matches it. */
		{ "/a\nb\033c", ":r '/a'?'b'?'c'\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct obstacle o = denied(cases[i].path, 0600);

		expect(&o, 1, cases[i].word);
	}
}

static void nothing_reaches_the_terminal_unescaped(void **state)
{
	(void)state;
	struct obstacle o = denied("/a\033[2J", 0600);
	char *text = printed(&o, 1);

	assert_null(strchr(text, '\033'));
	free(text);
}

/* The bits of ours: the rest of them does not count. */
static void where_the_bits_allow_it_they_are_not_blamed(void **state)
{
	(void)state;
	struct obstacle o = denied("/x", 0604);

	expect(&o, 1, "getfacl /x; AppArmor");
	o.st.st_gid = getegid();
	expect(&o, 1, "chmod g+r /x\n");
	o.st.st_mode = S_IFREG | 0640;
	expect(&o, 1, "getfacl /x; AppArmor");
	o.st.st_uid = geteuid();
	expect(&o, 1, "getfacl /x; AppArmor");
	o.st.st_mode = S_IFREG | 0044;
	expect(&o, 1, "chmod u+r /x\n");
}

static void groups_that_differ_are_joined_both(void **state)
{
	(void)state;
	struct obstacle list[3] = { denied("/a", 0640), denied("/b", 0640),
		denied("/c", 0640) };
	char *text;

	list[1].st.st_gid--;
	text = printed(list, 3);
	assert_non_null(strstr(text, "usermod -aG 4000000000 "));
	assert_non_null(strstr(text, "usermod -aG 3999999999 "));
	/* What one of them mends stands together. */
	assert_true(strstr(text, "/c may") < strstr(text, "/b may"));
	free(text);
}

static void modes_are_those_of_ls(void **state)
{
	(void)state;
	static const struct {
		mode_t mode;
		const char *text;
	} cases[] = {
		{ S_IFDIR | 01777, "drwxrwxrwt " },
		{ S_IFDIR | 01770, "drwxrwx--T " },
		{ S_IFDIR | 02750, "drwxr-s--- " },
		{ S_IFREG | 06600, "-rwS--S--- " },
		{ S_IFREG | 04755, "-rwsr-xr-x " },
		{ S_IFSOCK | 0600, "srw------- " },
		{ S_IFCHR | 0620, "crw--w---- " },
		{ S_IFBLK | 0660, "brw-rw---- " },
		{ S_IFIFO | 0644, "prw-r--r-- " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct obstacle o = { .kind = OBSTACLE_NOT_A_FILE,
			.path = "/x" };

		o.st.st_mode = cases[i].mode;
		expect(&o, 1, cases[i].text);
	}
}

static void what_else_fails_has_its_cause(void **state)
{
	(void)state;
	struct obstacle o = {
		.kind = OBSTACLE_OTHER, .path = "/x", .error = EMFILE
	};

	expect(&o, 1, "/x: Too many open files\n");
	expect(&o, 1, "ulimit -n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_a_word_for_a_shell),
		cmocka_unit_test(nothing_reaches_the_terminal_unescaped),
		cmocka_unit_test(where_the_bits_allow_it_they_are_not_blamed),
		cmocka_unit_test(groups_that_differ_are_joined_both),
		cmocka_unit_test(modes_are_those_of_ls),
		cmocka_unit_test(what_else_fails_has_its_cause),
	};

	return cmocka_run_group_tests_name("remedy", tests, NULL, NULL);
}
