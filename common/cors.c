#include "common/cors.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define LOWER	 "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	 "0123456789"

#define PORT_MAX 65535

/* The length of a host at the start of the text; 0: there is none. */
static size_t host_length(const char *text)
{
	char address[INET6_ADDRSTRLEN];
	unsigned char ignored[16];
	const char *end;
	size_t len;

	/* Names of other alphabets are sent in ASCII (xn--...). */
	if (text[0] != '[')
		return strspn(text, LOWER DIGITS ".-_");
	end = strchr(text, ']');
	len = end ? (size_t)(end - text) - 1 : 0;
	if (!end || len >= sizeof(address))
		return 0;
	memcpy(address, text + 1, len);
	address[len] = '\0';
	return inet_pton(AF_INET6, address, ignored) == 1 ? len + 2 : 0;
}

static bool is_scheme(const char *text, size_t len, const char *scheme)
{
	return len == strlen(scheme) && memcmp(text, scheme, len) == 0;
}

/* Of what is behind the host: nothing, or ":" and a port. */
static enum cors_origin_outcome check_port(
	const char *text, const char *scheme, size_t scheme_len)
{
	size_t digits;
	unsigned long port;

	if (text[0] == '\0')
		return CORS_ORIGIN_OK;
	if (text[0] != ':')
		return text[0] == '/' || text[0] == '?' || text[0] == '#'
			       ? CORS_ORIGIN_PATH
			       : CORS_ORIGIN_NO_ORIGIN;
	digits = strspn(text + 1, DIGITS);
	if (text[1 + digits] == '/')
		return CORS_ORIGIN_PATH;
	if (digits == 0 || digits > 5 || text[1] == '0' ||
		text[1 + digits] != '\0')
		return CORS_ORIGIN_PORT;
	port = strtoul(text + 1, NULL, 10);
	if (port > PORT_MAX)
		return CORS_ORIGIN_PORT;
	if ((port == 80 && is_scheme(scheme, scheme_len, "http")) ||
		(port == 443 && is_scheme(scheme, scheme_len, "https")))
		return CORS_ORIGIN_DEFAULT;
	return CORS_ORIGIN_OK;
}

enum cors_origin_outcome cors_check_origin(const char *text)
{
	size_t scheme = strspn(text, LOWER DIGITS "+.-");
	const char *host = text + scheme + strlen("://");
	size_t len;

	if (strcmp(text, "null") == 0)
		return CORS_ORIGIN_NULL;
	if (strlen(text) > CORS_ORIGIN_MAX)
		return CORS_ORIGIN_NO_ORIGIN;
	if (strchr(text, '*'))
		return CORS_ORIGIN_WILDCARD;
	if (text[strcspn(text, CAPITALS)] != '\0')
		return CORS_ORIGIN_CASE;
	if (scheme == 0 || !strchr(LOWER, text[0]) ||
		strncmp(text + scheme, "://", 3) != 0)
		return CORS_ORIGIN_NO_ORIGIN;
	len = host_length(host);
	if (len == 0)
		return CORS_ORIGIN_NO_ORIGIN;
	return check_port(host + len, text, scheme);
}

static const char *find(const struct cors_rules *rules, const char *origin)
{
	for (size_t i = 0; i < rules->origin_count; i++)
		if (strcmp(rules->origins[i], origin) == 0)
			return rules->origins[i];
	return NULL;
}

struct cors_grant cors_decide(const struct cors_rules *const *rules,
	size_t count, const char *origin, bool credentials)
{
	struct cors_grant grant = { .origin = count > 0 ? "*" : NULL };

	for (size_t i = 0; i < count; i++) {
		if (rules[i]->is_any)
			continue;
		/* Nobody may, whoever asks. */
		if (rules[i]->origin_count == 0)
			return (struct cors_grant){ .origin = NULL };
		grant.varies = true;
		if (grant.origin)
			grant.origin = find(rules[i], origin);
	}
	grant.with_credentials = credentials && grant.origin && grant.varies;
	return grant;
}

void cors_rules_release(struct cors_rules *rules)
{
	for (size_t i = 0; i < rules->origin_count; i++)
		free(rules->origins[i]);
	free(rules->origins);
	*rules = (struct cors_rules){ .is_any = false };
}
