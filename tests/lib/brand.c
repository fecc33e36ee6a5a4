#define TESTS_LIB_INSIDE
#include "tests/lib/brand.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/fragment.h"
#include "tests/lib/test.h"

/*
 * Writes s->config from a text with the names of what differs in it: FOLDER,
 * ADDRESS, PORT, MORE, and USER, which stands for the lines by which a server
 * that root has started gives that up.
 */
static void write_text(
	struct server *s, const char *text, const char *user, const char *more)
{
	const char *const values[][2] = {
		{ "USER", geteuid() == 0 ? user : "" },
		{ "ADDRESS", s->address },
		{ "PORT", strrchr(s->address, ':') + 1 },
		{ "FOLDER", s->folder },
		{ "MORE", more },
	};
	struct bytes old = BYTES_INIT;

	bytes_add_text(&old, text);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct bytes new = BYTES_INIT;

		bytes_add_replaced(
			&new, bytes_text(&old), values[i][0], values[i][1]);
		bytes_release(&old);
		old = new;
	}
	disk_write_bytes(s->config, old.data, old.len);
	bytes_release(&old);
}

/* ---- lighttpd */

static void write_lighttpd(struct server *s, const char *more)
{
	const struct fragment_value values[] = {
		{ "port", strrchr(s->address, ':') + 1 },
		{ "folder", s->folder },
		{ NULL, NULL },
	};
	char why[512];

	s->config = disk_path(s->folder, "lighttpd.conf");
	/* Without a log of its own it says everything to us. */
	if (fragment_copy("conf/demo/lighttpd.conf", s->config, values,
		    "errorlog", why, sizeof(why)))
		test_fail("%s", why);
	disk_append(s->config, "%s\n", more);
}

static struct process *run_lighttpd(const struct server *s)
{
	return process_run("lighttpd", "-D", "-f", s->config, NULL);
}

/* Until it has become another program, a child of it keeps lighttpd's handler
 * of SIGTERM, and what it is sent then is lost (1.4.69). */
static void stop_lighttpd(struct server *s)
{
	wait_for(process_descendants(getpid(), "lighttpd") <= 1);
	process_stop(s->process);
}

/* ---- Apache */

#define APACHE_MODULES "/usr/lib/apache2/modules"

/* What Debian loads without being asked, as far as the fragments use it. */
#define APACHE_USUAL "authz_core alias env"

/* Nothing of the disk is served unless it is said. */
static const char apache_site[] =
	"Listen ADDRESS\n"
	"ServerName localhost\n"
	"DefaultRuntimeDir FOLDER\n"
	"PidFile apache2.pid\n"
	"Mutex file:FOLDER default\n"
	"DocumentRoot FOLDER/site\n"
	"ErrorLog /dev/stderr\n"
	"USER"
	"<Directory />\n"
	"	AllowOverride None\n"
	"	Require all denied\n"
	"</Directory>\n"
	"<Directory FOLDER/site>\n"
	"	Require all granted\n"
	"</Directory>\n"
	"<IfModule cgid_module>\n"
	"	ScriptSock cgid.sock\n"
	"</IfModule>\n"
	"<IfModule fcgid_module>\n"
	"	FcgidIPCDir FOLDER/fcgid\n"
	"	FcgidProcessTableFile FOLDER/fcgid_shm\n"
	"</IfModule>\n"
	"Include FOLDER/ssetail-apache.conf\n"
	"MORE\n";

static void add_modules(struct bytes *config, const char *names)
{
	while (*names) {
		int len = (int)strcspn(names, " ");

		bytes_add_format(config,
			"LoadModule %.*s_module " APACHE_MODULES
			"/mod_%.*s.so\n",
			len, names, len, names);
		names += len;
		names += strspn(names, " ");
	}
}

static void write_apache(struct server *s, const char *more)
{
	struct bytes text = BYTES_INIT;

	s->config = disk_path(s->folder, "apache2.conf");
	add_modules(&text, APACHE_USUAL);
	add_modules(&text, s->kind->modules);
	bytes_add_text(&text, apache_site);
	write_text(
		s, bytes_text(&text), "User www-data\nGroup www-data\n", more);
	bytes_release(&text);
}

static struct process *run_apache(const struct server *s)
{
	return process_run("apache2", "-DFOREGROUND", "-d", s->folder, "-f",
		s->config, NULL);
}

#define APACHE_RUNS "resuming normal operations"

/* mod_cgid's daemon makes its socket as root, and then gives it to those who
 * have to connect to it: until then they answer 503. */
static bool cgid_is_ready(const struct server *s)
{
	struct stat st;

	if (!strstr(s->kind->modules, " cgid"))
		return true;
	return stat(disk_path(s->folder, "cgid.sock.%d", (int)s->process->pid),
		       &st) == 0 &&
	       (st.st_uid != 0 || geteuid() != 0);
}

/* It listens before it has made what its workers share. */
static bool apache_is_ready(const struct server *s)
{
	return strstr(process_errors(s->process), APACHE_RUNS) &&
	       cgid_is_ready(s);
}

/* mod_fcgid's table of processes is a file of /dev/shm that only an Apache
 * that ends by itself removes. Its workers inherit it, and need no name. */
static void unlink_shared_memory(struct server *s)
{
	struct bytes maps = BYTES_INIT;
	char *rest, *line, *path;

	disk_read(&maps, disk_path("/proc", "%d/maps", (int)s->process->pid));
	for (rest = maps.data; (line = strsep(&rest, "\n"));)
		if ((path = strstr(line, "/dev/shm/ShM.")))
			unlink(path);
	bytes_release(&maps);
}

/* ---- nginx */

static const char nginx_site[] =
	"daemon off;\n"
	"pid nginx.pid;\n"
	"error_log stderr notice;\n"
	"USER"
	"events { }\n"
	"http {\n"
	"	access_log off;\n"
	"	client_body_temp_path tmp; fastcgi_temp_path tmp;\n"
	"	proxy_temp_path tmp; scgi_temp_path tmp; uwsgi_temp_path tmp;\n"
	"	server {\n"
	"		listen ADDRESS;\n"
	"		root FOLDER/site;\n"
	"		include ssetail-nginx.conf;\n"
	"MORE\n"
	"	}\n"
	"}\n";

static void write_nginx(struct server *s, const char *more)
{
	s->config = disk_path(s->folder, "nginx.conf");
	write_text(s, nginx_site, "user www-data;\n", more);
	disk_copy("/etc/nginx/fastcgi_params",
		disk_path(s->folder, "fastcgi_params"));
}

static struct process *run_nginx(const struct server *s)
{
	return process_run("nginx", "-e", "stderr", "-p", s->folder, "-c",
		s->config, NULL);
}

/* ---- HAProxy */

/* As Debian has it it is in a chroot. */
static const char haproxy_site[] =
	"global\n"
	"USER"
	"defaults\n"
	"	mode http\n"
	"	timeout connect 5s\n"
	"	timeout client 50s\n"
	"	timeout server 50s\n"
	"frontend web\n"
	"	bind ADDRESS\n"
	"	use_backend ssetail if { path /events } || "
	"{ path_beg /events/ }\n"
	"MORE\n";

static void write_haproxy(struct server *s, const char *more)
{
	s->config = disk_path(s->folder, "haproxy.cfg");
	write_text(s, haproxy_site,
		"	chroot FOLDER\n	user haproxy\n	group haproxy\n", more);
}

static const char *socket_in_chroot(const struct server *s)
{
	return geteuid() == 0 ? "/ssetail.sock"
			      : disk_path(s->folder, "ssetail.sock");
}

static struct process *run_haproxy(const struct server *s)
{
	return process_run("haproxy", "-W", "-db", "-f", s->config, "-f",
		brand_fragment(s), NULL);
}

/* ---- Caddy */

static const char caddy_site[] = "{\n"
				 "	admin unix/FOLDER/caddy.sock\n"
				 "	auto_https off\n"
				 "}\n"
				 "import ssetail.caddy\n"
				 ":PORT {\n"
				 "	bind 127.0.0.1\n"
				 "	import ssetail\n"
				 "MORE\n"
				 "}\n";

static void write_caddy(struct server *s, const char *more)
{
	s->config = disk_path(s->folder, "Caddyfile");
	disk_subfolder(s->folder, "home");
	write_text(s, caddy_site, "", more);
}

/* It keeps things in its user's home. */
static struct process *run_caddy(const struct server *s)
{
	const char *home = disk_path(s->folder, "home");

	setenv("XDG_DATA_HOME", home, 1);
	setenv("XDG_CONFIG_HOME", home, 1);
	return process_run("caddy", "run", "--config", s->config, NULL);
}

/* ---- reloads and stops, as Debian's services do them */

static void reload_by_hup(struct server *s)
{
	process_signal(s->process, SIGHUP);
}

static void reload_by_usr1(struct server *s)
{
	process_signal(s->process, SIGUSR1);
}

static bool says_that_it_reloads(void *context)
{
	return strstr(process_errors(context), "Reloading HAProxy") != NULL;
}

/* A signal that comes when HAProxy has hardly started may be seen by it with
 * the next one only. */
static void reload_haproxy(struct server *s)
{
	for (int i = 0; i < 5; i++) {
		process_signal(s->process, SIGUSR2);
		if (wait_until(says_that_it_reloads, s->process, 2000))
			return;
	}
}

/* As systemd does it: Caddy waits for its streams to end, and systemd for
 * Caddy, but not for long. */
static void stop_caddy(struct server *s)
{
	const char *socket = disk_path(s->folder, "caddy.sock");

	process_signal(s->process, SIGTERM);
	process_wait_errors(s->process, "shutting down apps");
	process_kill(s->process);
	/* It may have been faster. */
	if (disk_exists(socket))
		disk_remove(socket);
}

static void reload_caddy(struct server *s)
{
	struct process *p = process_run("caddy", "reload", "--config",
		s->config, "--force", "--address",
		disk_path("unix", "%s", disk_path(s->folder, "caddy.sock")),
		NULL);

	if (process_exit_code(p) != 0)
		test_fail("caddy reload failed");
}

/* ---- all of them */

static const struct brand brands[] = {
	{ .program = "lighttpd",
		.fragment = "15-ssetail.conf",
		.group = "www-data",
		.write_site = write_lighttpd,
		.run = run_lighttpd,
		.reload = reload_by_usr1,
		/* It begins to end the old ones' clients. */
		.reloaded = "graceful shutdown started",
		.stop = stop_lighttpd },
	{ .program = "apache2",
		.fragment = "ssetail-apache.conf",
		.group = "www-data",
		.write_site = write_apache,
		.run = run_apache,
		.is_ready = apache_is_ready,
		.tidy = unlink_shared_memory,
		.reload = reload_by_usr1,
		/* Its new workers are there. */
		.reloaded = APACHE_RUNS },
	{ .program = "nginx",
		.fragment = "ssetail-nginx.conf",
		.group = "www-data",
		.write_site = write_nginx,
		.run = run_nginx,
		.reload = reload_by_hup,
		.reloaded = "gracefully shutting down" },
	{ .program = "haproxy",
		.fragment = "ssetail.cfg",
		.group = "haproxy",
		.write_site = write_haproxy,
		.socket = socket_in_chroot,
		.run = run_haproxy,
		.reload = reload_haproxy,
		.reloaded = "Loading success" },
	{ .program = "caddy",
		.fragment = "ssetail.caddy",
		.group = "caddy",
		.write_site = write_caddy,
		.run = run_caddy,
		.reload = reload_caddy,
		.reloaded = "load complete",
		.stop = stop_caddy },
};

const struct brand *brand_of(const char *program)
{
	for (size_t i = 0; i < sizeof(brands) / sizeof(*brands); i++)
		if (strcmp(brands[i].program, program) == 0)
			return &brands[i];
	test_fail("no server is called %s", program);
}

const char *brand_fragment(const struct server *s)
{
	return disk_path(s->folder, "%s", brand_of(s->kind->program)->fragment);
}
