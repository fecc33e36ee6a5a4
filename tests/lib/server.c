#define TESTS_LIB_INSIDE
#include "tests/lib/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/fragment.h"
#include "tests/lib/reader.h"
#include "tests/lib/test.h"

#define APACHE_MODULES "/usr/lib/apache2/modules"

/* The site around the fragment, as Debian has it where it matters: nothing
 * of the disk is served unless it is said. */
static const char apache_site[] = "ServerName localhost\n"
				  "Listen %s\n"
				  "DefaultRuntimeDir %s\n"
				  "PidFile apache2.pid\n"
				  "Mutex file:%s default\n"
				  "ScriptSock cgid.sock\n"
				  "DocumentRoot %s\n"
				  "ErrorLog /dev/stderr\n"
				  "<Directory />\n"
				  "	AllowOverride None\n"
				  "	Require all denied\n"
				  "</Directory>\n";
static const char *const apache_modules[] = { "mpm_event", "authz_core",
	"alias", "env", "cgid" };

static void copy_fragment(const char *from, const char *to,
	const struct fragment_value *values, const char *without)
{
	char why[512];

	if (fragment_copy(from, to, values, without, why, sizeof(why)))
		test_fail("%s", why);
}

static struct process *start_lighttpd(struct server *s, const char *fragment)
{
	const char *config = disk_path(s->folder, "lighttpd.conf");
	const struct fragment_value values[] = {
		{ "port", strrchr(s->address, ':') + 1 },
		{ "folder", s->folder },
		{ NULL, NULL },
	};

	/* Without a log of its own it says everything to us. */
	copy_fragment("conf/demo/lighttpd.conf", config, values, "errorlog");
	disk_rename(fragment, disk_path(s->folder, "15-ssetail.conf"));
	return process_run("lighttpd", "-D", "-f", config, NULL);
}

static struct process *start_apache(struct server *s, const char *fragment)
{
	const char *config = disk_path(s->folder, "apache2.conf");
	struct bytes text = BYTES_INIT;

	for (size_t i = 0; i < sizeof(apache_modules) / sizeof(char *); i++)
		bytes_add_format(&text,
			"LoadModule %s_module " APACHE_MODULES "/mod_%s.so\n",
			apache_modules[i], apache_modules[i]);
	bytes_add_format(&text, apache_site, s->address, s->folder, s->folder,
		s->folder);
	if (geteuid() == 0)
		bytes_add_text(&text, "User www-data\nGroup www-data\n");
	bytes_add_format(&text, "Include %s\n", fragment);
	disk_write_bytes(config, text.data, text.len);
	bytes_release(&text);
	return process_run(
		"apache2", "-DFOREGROUND", "-d", s->folder, "-f", config, NULL);
}

static void wait_until_it_accepts(struct server *s)
{
	struct test_wait wait = test_wait_here("the server to accept");
	int fd;

	while ((fd = reader_connect(s->address)) < 0) {
		if (!process_runs(s->process))
			test_fail("%s has ended", s->kind->program);
		test_wait_step(&wait);
	}
	close(fd);
}

/* Servers are where an administrator's PATH finds them. */
static void widen_path(void)
{
	const char *old = getenv("PATH");
	struct bytes path = BYTES_INIT;

	if (old && strstr(old, ":/usr/sbin"))
		return;
	bytes_add_format(
		&path, "%s:/usr/sbin:/sbin", old ? old : "/usr/bin:/bin");
	setenv("PATH", path.data, 1);
	bytes_release(&path);
}

void server_start(struct server *s, const struct server_kind *kind,
	const struct server_how *how)
{
	static const struct server_how usual;
	const char *folder = disk_folder();
	const char *fragment = disk_path(folder, "fragment.conf");
	const char *program = disk_path(folder, "%s", kind->ssetail);
	const char *config = disk_path(folder, "ssetail.conf");
	bool is_cgi = strstr(kind->ssetail, ".cgi") != NULL;
	struct fragment_value values[] = {
		{ "ssetail_program", program },
		{ "ssetail_config", config },
		{ is_cgi ? NULL : "ssetail_socket",
			disk_path(folder, "ssetail.sock") },
		{ NULL, NULL },
	};

	how = how ? how : &usual;
	*s = (struct server){ .kind = kind, .folder = folder };
	s->log = disk_path(folder, "log");
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%d",
		process_free_port());
	widen_path();
	disk_write(s->log, "%s", "");
	disk_write(config,
		"%s\nsources = ( { name = \"log\"; path = \"log\"; } );\n",
		how->settings ? how->settings : "");
	disk_copy(process_program(kind->ssetail), program);
	disk_mode(program, 0755);
	copy_fragment(kind->fragment, fragment, values,
		how->without_decisive ? kind->decisive : NULL);
	s->process = strcmp(kind->program, "apache2") == 0
			     ? start_apache(s, fragment)
			     : start_lighttpd(s, fragment);
	wait_until_it_accepts(s);
}

void server_kill(struct server *s)
{
	pid_t worker;

	process_kill(s->process);
	while ((worker = process_descendant(getpid(), s->kind->program)) > 0)
		kill(worker, SIGKILL);
}
