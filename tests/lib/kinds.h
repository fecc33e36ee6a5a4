/*
 * kinds: every fragment of conf/ with the web server that it is for.
 */
#ifndef SSETAIL_TESTS_KINDS_H
#define SSETAIL_TESTS_KINDS_H

#include "tests/lib/server.h"

enum kind {
	KIND_LIGHTTPD_FASTCGI,
	KIND_LIGHTTPD_EXTERNAL,
	KIND_LIGHTTPD_CGI,
	KIND_APACHE_CGID,
	KIND_APACHE_CGI,
	KIND_APACHE_FCGID,
	KIND_APACHE_PROXY_PASS,
	KIND_APACHE_PROXY_HANDLER,
	KIND_APACHE_HTACCESS,
	KIND_NGINX,
	KIND_HAPROXY,
	KIND_CADDY
};

enum { KINDS = KIND_CADDY + 1 };

extern const struct server_kind kinds[KINDS];

#endif
