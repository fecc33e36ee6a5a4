/*
 * make dist, install and uninstall, as whoever packages this uses them: what
 * is tested is built from an unpacked tarball, outside of any repository, and
 * runs from where it was installed.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/process.h"

enum { BUILD_MS = 300000 };

static const char *folder; /* of everything below */
static const char *source; /* the unpacked tarball */
static const char *prefix; /* where it is installed, to run from */
static const char *etc;
static const char *config; /* in it */

static bool has_ended(void *context)
{
	return !process_runs(context);
}

/* Runs a shell in the folder, without what an outer make says to its
 * children; the command's variables are those above. */
static struct process *shell(const char *command)
{
	struct bytes text = BYTES_INIT;
	struct process *p;

	bytes_add_text(&text, "set -e; unset MAKEFLAGS MFLAGS MAKELEVEL; "
			      "umask 022; "
			      "absent() { ! grep -r \"$@\" || exit 1; }; ");
	bytes_add_format(&text,
		"cd %s; source=%s prefix=%s etc=%s version=%s; %s", folder,
		source, prefix, etc, SSETAIL_VERSION, command);
	p = process_run("/bin/sh", "-c", text.data, NULL);
	bytes_release(&text);
	wait_until(has_ended, p, BUILD_MS);
	return p;
}

/* The same; it must end well. Returns what it put out. */
static const char *do_shell_(const char *command)
{
	struct process *p = shell(command);
	int code = process_exit_code(p);

	if (code != 0)
		test_fail("exit code %d of: %s\n%s%s", code, command,
			process_output(p), process_errors(p));
	return process_output(p);
}
#define do_shell(command) TEST_HERE(do_shell_(command))

#define INSTALL                                                                \
	"make -s -j2 -C $source CFLAGS=-O0 PREFIX=$prefix SYSCONFDIR=$etc "    \
	"install"

/* A commit of the tree as it is here, in a repository of its own: this may
 * run where there is none. */
static int setup(void **state)
{
	char here[4096];
	struct bytes command = BYTES_INIT;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	folder = disk_folder();
	source = disk_path(folder, "unpacked/ssetail-%s", SSETAIL_VERSION);
	prefix = disk_path(folder, "usr");
	etc = disk_path(folder, "etc/ssetail");
	config = disk_path(folder, "etc/ssetail/ssetail.conf");
	bytes_add_format(&command,
		"mkdir one unpacked; tar -C %s --exclude=./build "
		"--exclude=./.git --exclude=./config.mk -cf - . | "
		"tar --no-same-owner -C one -xf -; cd one; git init -q; "
		"git add -A; git -c user.name=T -c user.email=t@localhost "
		"commit -q -m T",
		here);
	do_shell(command.data);
	bytes_release(&command);
	do_shell("make -s -C one dist; tar -C unpacked -xzf "
		 "one/build/ssetail-$version.tar.gz; test ! -e $source/.git");
	do_shell(INSTALL);
	return 0;
}

static void dist_gives_the_same_bytes_for_the_same_commit(void **state)
{
	(void)state;
	do_shell("git clone -q one other; "
		 "git -C other config tar.umask user; umask 077; "
		 "touch -d 2001-01-01 other/README.md; "
		 "make -s -C other dist; "
		 "cmp one/build/ssetail-$version.tar.gz "
		 "other/build/ssetail-$version.tar.gz");
}

static void dist_says_what_it_leaves_out(void **state)
{
	(void)state;
	const char *said = do_shell("git clone -q one changed; "
				    "echo >>changed/README.md; "
				    "make -s -C changed dist");

	assert_non_null(strstr(said, "not committed"));
	assert_int_not_equal(
		process_exit_code(shell("make -s -C $source dist")), 0);
}

static void runs_from_where_it_was_installed(void **state)
{
	(void)state;
	disk_write(config, "sources = ( { name = \"c\"; type = \"clock\"; "
			   "count = 1; } );\n");
	assert_non_null(strstr(
		do_shell("cd /; $prefix/lib/ssetail/ssetail.fcgi -t"), config));
	assert_non_null(strstr(
		do_shell("$prefix/lib/cgi-bin/ssetail.cgi c"), "data: 1\n"));
}

/* Wherever they are called from, they find each other. */
static void so_do_the_scripts_for_several_machines(void **state)
{
	(void)state;
	do_shell("cd /; for name in bridge publish; do "
		 "$prefix/lib/ssetail/$name 2>&1 | grep \"^usage: $name \"; "
		 "done");
}

static void the_example_is_a_configuration(void **state)
{
	(void)state;
	struct process *p = shell("cd $prefix/share/doc/ssetail; "
				  "$prefix/lib/ssetail/ssetail.fcgi -t "
				  "-c ssetail.conf");

	/* Its log may be there or not. */
	assert_int_not_equal(process_exit_code(p), EX_CONFIG);
	assert_non_null(strstr(process_output(p), "/ssetail.conf: 2 sources"));
}

static void manuals_are_found_and_well_formed(void **state)
{
	(void)state;
	do_shell("cd $prefix/share/man; test $(ls man*/* | wc -l) = 5; "
		 "mandoc -T lint -W warning man*/*");
}

static void what_it_says_names_the_places_it_went_to(void **state)
{
	(void)state;
	do_shell("absent /usr/local --exclude=README.md $prefix/share");
	do_shell("grep -q $prefix/lib/ssetail/ssetail.fcgi "
		 "$prefix/share/doc/ssetail/lighttpd/fastcgi.conf");
	do_shell("grep -q $etc $prefix/share/man/man5/ssetail.conf.5");
}

/* Whether the units are well formed, what they start is there, and how much
 * the service could do (0: nothing, 100: everything). */
static void systemd_takes_the_units(void **state)
{
	(void)state;
	do_shell("units=$prefix/lib/systemd/system; "
		 "systemd-analyze verify --man=no $units/ssetail.service "
		 "$units/ssetail.socket >said 2>&1; cat said >&2; "
		 "absent ssetail said");
	do_shell("systemd-analyze security --no-pager --offline=true "
		 "--threshold=15 $prefix/lib/systemd/system/ssetail.service");
	do_shell("mkdir -p root/etc root/usr/lib/sysusers.d; "
		 "cp $prefix/lib/sysusers.d/* root/usr/lib/sysusers.d; "
		 "systemd-sysusers --root=$PWD/root; "
		 "grep -q ^ssetail: root/etc/passwd");
}

static void a_configuration_is_never_overwritten(void **state)
{
	struct bytes text = BYTES_INIT;
	const char *target = disk_path(folder, "elsewhere.conf");

	(void)state;
	disk_write(config, "mine");
	do_shell(INSTALL);
	disk_read(&text, config);
	assert_true(bytes_are(&text, "mine"));
	bytes_release(&text);
	/* Nor one that is a link, even to what is not there. */
	disk_remove(config);
	disk_link(target, config);
	do_shell(INSTALL);
	assert_false(disk_exists(target));
	do_shell("test -L $etc/ssetail.conf; "
		 "grep -q $etc $prefix/share/doc/ssetail/ssetail.conf");
}

static void uninstall_leaves_the_configuration_and_what_is_not_ours(
	void **state)
{
	const char *files;

	(void)state;
	disk_write(disk_path(prefix, "share/doc/ssetail/apache/mine"), "mine");
	do_shell("make -s -C $source PREFIX=$prefix SYSCONFDIR=$etc uninstall");
	files = do_shell("find usr etc -not -type d | sort");
	assert_string_equal(files, "etc/ssetail/ssetail.conf\n"
				   "usr/share/doc/ssetail/apache/mine\n");
	assert_false(disk_exists(disk_path(prefix, "lib/ssetail")));
	assert_false(
		disk_exists(disk_path(prefix, "share/doc/ssetail/lighttpd")));
}

/* As a package is built: elsewhere, with other places, which are compiled in
 * although the sources did not change. */
static void destdir_stands_before_everything(void **state)
{
	(void)state;
	do_shell("make -s -C $source CFLAGS=-O0 DESTDIR=$PWD/package "
		 "PREFIX=/usr CGIDIR=/usr/lib/cgi install; "
		 "test ! -e usr/lib/cgi");
	do_shell("cd package; test \"$(ls)\" = \"$(printf 'etc\\nusr')\"; "
		 "grep -q /etc/ssetail usr/lib/cgi/ssetail.cgi; "
		 "grep -q /etc/ssetail usr/lib/ssetail/ssetail.fcgi; "
		 "absent $PWD .; absent $etc .");
	do_shell("make -s -C $source DESTDIR=$PWD/package "
		 "PREFIX=/usr CGIDIR=/usr/lib/cgi uninstall");
	assert_string_equal(do_shell("find package -type f"),
		"package/etc/ssetail/ssetail.conf\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dist_gives_the_same_bytes_for_the_same_commit),
		cmocka_unit_test(dist_says_what_it_leaves_out),
		cmocka_unit_test(runs_from_where_it_was_installed),
		cmocka_unit_test(so_do_the_scripts_for_several_machines),
		cmocka_unit_test(the_example_is_a_configuration),
		cmocka_unit_test(manuals_are_found_and_well_formed),
		cmocka_unit_test(what_it_says_names_the_places_it_went_to),
		cmocka_unit_test(systemd_takes_the_units),
		cmocka_unit_test(a_configuration_is_never_overwritten),
		cmocka_unit_test(
			uninstall_leaves_the_configuration_and_what_is_not_ours),
		cmocka_unit_test(destdir_stands_before_everything),
	};

	return cmocka_run_group_tests(tests, setup, test_cleanup);
}
