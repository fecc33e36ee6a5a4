#define TESTS_LIB_INSIDE
#include "tests/lib/kinds.h"

#include "tests/lib/disk.h"

/* ---- .htaccess alone */

#define MY_PASSWORD "Authorization: Basic bWU6c2VjcmV0" /* me:secret */

/* A folder of the site: the fragment as its .htaccess, and all else there. */
static void upload(struct server *s)
{
	const char *site = disk_path(s->folder, "site");
	const char *own = disk_subfolder(site, "log");
	const char *fragment = disk_path(s->folder, "ssetail-apache.conf");
	const char *passwords = disk_path(own, ".htpasswd");
	const char *const by_folder[][2] = { { "Include ", "#" },
		{ "AllowOverride None", "AllowOverride All" }, { NULL, NULL } };
	const char *const by_user[][2] = {
		{ "/home/me/public_html/log/.htpasswd", passwords },
		{ NULL, NULL }
	};

	disk_copy_changed(
		s->config, disk_path(s->folder, "host.conf"), by_folder);
	s->config = disk_path(s->folder, "host.conf");
	disk_copy_changed(fragment, disk_path(own, ".htaccess"), by_user);
	disk_write(passwords, "me:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\n");
	disk_rename(disk_path(s->folder, "ssetail.cgi"),
		disk_path(own, "ssetail.cgi"));
	disk_rename(disk_path(s->folder, "ssetail.conf"),
		disk_path(own, ".htssetail.conf"));
	disk_rename(s->log, disk_path(own, "log"));
	s->log = disk_path(own, "log");
}

/* ---- all of them */

const struct server_kind kinds[KINDS] = {
	[KIND_LIGHTTPD_FASTCGI] = { .name = "lighttpd mod_fastcgi",
		.program = "lighttpd",
		.fragment = "conf/lighttpd/fastcgi.conf",
		.ssetail = "ssetail.fcgi",
		.decisive = "stream-response-body",
		.sets = "program config socket",
		.reload_ends = true },
	[KIND_LIGHTTPD_EXTERNAL] = { .name = "lighttpd mod_fastcgi, external",
		.program = "lighttpd",
		.fragment = "conf/lighttpd/fastcgi-external.conf",
		.ssetail = "ssetail.fcgi",
		.decisive = "stream-response-body",
		.sets = "socket",
		.reload_ends = true },
	[KIND_LIGHTTPD_CGI] = { .name = "lighttpd mod_cgi",
		.program = "lighttpd",
		.fragment = "conf/lighttpd/cgi.conf",
		.ssetail = "ssetail.cgi",
		.decisive = "stream-response-body",
		.sets = "program config",
		.reload_ends = true },
	[KIND_APACHE_CGID] = { .name = "Apache mod_cgid",
		.program = "apache2",
		.modules = "mpm_event cgid",
		.fragment = "conf/apache/cgi.conf",
		.ssetail = "ssetail.cgi",
		.decisive = "ScriptAlias", /* takes nothing but to be told */
		.sets = "program config" },
	[KIND_APACHE_CGI] = { .name = "Apache mod_cgi",
		.program = "apache2",
		.modules = "mpm_prefork cgi",
		.fragment = "conf/apache/cgi.conf",
		.ssetail = "ssetail.cgi",
		.decisive = "ScriptAlias",
		.sets = "program config" },
	[KIND_APACHE_FCGID] = { .name = "Apache mod_fcgid",
		.program = "apache2",
		.modules = "mpm_event fcgid",
		.fragment = "conf/apache/fcgid.conf",
		.ssetail = "ssetail.fcgi",
		.decisive = "FcgidOutputBufferSize",
		.sets = "program config",
		.reload_ends = true },
	[KIND_APACHE_PROXY_PASS] = { .name = "Apache mod_proxy_fcgi, ProxyPass",
		.program = "apache2",
		.modules = "mpm_event proxy proxy_fcgi",
		.fragment = "conf/apache/proxy-pass.conf",
		.ssetail = "ssetail.fcgi",
		.decisive = "flushpackets",
		.sets = "socket" },
	[KIND_APACHE_PROXY_HANDLER] = { .name = "Apache mod_proxy_fcgi, "
						"SetHandler",
		.program = "apache2",
		.modules = "mpm_event proxy proxy_fcgi",
		.fragment = "conf/apache/proxy-handler.conf",
		.ssetail = "ssetail.fcgi",
		.decisive = "flushpackets",
		.sets = "socket" },
	[KIND_APACHE_HTACCESS] = { .name = "Apache .htaccess",
		.program = "apache2",
		.modules = "mpm_event cgid authn_core authn_file auth_basic "
			   "authz_user",
		.fragment = "conf/apache/htaccess",
		.ssetail = "ssetail.cgi",
		.decisive = "SetHandler",
		.sets = "",
		.prepare = upload,
		.mount = "/log/ssetail.cgi",
		.header = MY_PASSWORD },
	[KIND_NGINX] = { .name = "nginx",
		.program = "nginx",
		.fragment = "conf/nginx/ssetail.conf",
		.ssetail = "ssetail.fcgi",
		.decisive = "fastcgi_buffering",
		.instead = "fastcgi_ignore_headers X-Accel-Buffering;",
		.sets = "socket" },
	[KIND_HAPROXY] = { .name = "HAProxy",
		.program = "haproxy",
		.fragment = "conf/haproxy/ssetail.cfg",
		.ssetail = "ssetail.fcgi",
		.sets = "socket",
		.reload_ends = true },
	[KIND_CADDY] = { .name = "Caddy",
		.program = "caddy",
		.fragment = "conf/caddy/ssetail.caddy",
		.ssetail = "ssetail.fcgi",
		.decisive = "import ssetail_socket",
		.sets = "socket" },
};
