/*
 * Origins, and what is granted to them. The input is lines: the origin that a
 * browser sends, and those of the rules, one rule after the other with an
 * empty line between them; "*" is any. What is an origin is said here by a
 * regular expression; what is none lacks just what the outcome names; and who
 * is granted what is looked up in the text of the input.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#include "common/cors.h"
#include "tests/fuzz/fuzz.h"

enum { RULES = 4, ORIGINS = 8 };

/* ---- origins */

#define PORT 3 /* the part in parentheses that is it */
#define ORIGIN                                                                 \
	"^[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\\[([0-9a-f:.]+)\\])"              \
	"(:[1-9][0-9]{0,4})?$"

static bool is_address(const char *text, regmatch_t part)
{
	char address[CORS_ORIGIN_MAX + 1];
	struct in6_addr ignored;
	size_t len = (size_t)(part.rm_eo - part.rm_so);

	memcpy(address, text + part.rm_so, len);
	address[len] = '\0';
	return inet_pton(AF_INET6, address, &ignored) == 1;
}

static bool is_origin(const char *text)
{
	static regex_t origin;
	static bool compiled;
	regmatch_t part[PORT + 1];

	if (!compiled)
		MUST(regcomp(&origin, ORIGIN, REG_EXTENDED) == 0);
	compiled = true;
	if (strlen(text) > CORS_ORIGIN_MAX ||
		regexec(&origin, text, PORT + 1, part, 0) != 0)
		return false;
	if (part[2].rm_so >= 0 && !is_address(text, part[2]))
		return false;
	if (part[PORT].rm_so < 0)
		return true;

	const char *port = text + part[PORT].rm_so;

	return atoi(port + 1) <= 65535 &&
	       !(strncmp(text, "http:", 5) == 0 && strcmp(port, ":80") == 0) &&
	       !(strncmp(text, "https:", 6) == 0 && strcmp(port, ":443") == 0);
}

/* It would be another outcome up to one of these behind the host. */
static enum cors_origin_outcome check_up_to(const char *text, const char *ends)
{
	char copy[CORS_ORIGIN_MAX + 1];
	char *host, *end;

	strcpy(copy, text);
	host = strstr(copy, "://") + 3;
	end = *host == '[' ? strchr(host, ']') : host;
	end[strcspn(end, ends)] = '\0';
	return cors_check_origin(copy);
}

static enum cors_origin_outcome check_in_lower_case(const char *text)
{
	char copy[CORS_ORIGIN_MAX + 1];
	size_t i = 0;

	do
		copy[i] = (char)tolower(text[i]);
	while (text[i++]);
	return cors_check_origin(copy);
}

static enum cors_origin_outcome check_origin(const char *text)
{
	enum cors_origin_outcome outcome = cors_check_origin(text);

	MUST((outcome == CORS_ORIGIN_OK) == is_origin(text));
	switch (outcome) {
	case CORS_ORIGIN_NULL:
		MUST(strcmp(text, "null") == 0);
		break;
	case CORS_ORIGIN_WILDCARD:
		MUST(strchr(text, '*'));
		break;
	case CORS_ORIGIN_CASE:
		MUST(check_in_lower_case(text) != CORS_ORIGIN_CASE);
		break;
	case CORS_ORIGIN_PATH:
		MUST(check_up_to(text, "/?#") != CORS_ORIGIN_PATH);
		break;
	case CORS_ORIGIN_PORT:
	case CORS_ORIGIN_DEFAULT:
		MUST(check_up_to(text, ":") == CORS_ORIGIN_OK);
		break;
	default:
		break;
	}
	return outcome;
}

/* ---- rules */

struct list {
	struct cors_rules rules[RULES];
	size_t count;
};

/* As the configuration takes them: origins, or any. */
static void add(struct list *list, const char *line)
{
	struct cors_rules *rules = &list->rules[list->count - 1];

	if (strcmp(line, "*") == 0 && rules->origin_count == 0)
		rules->is_any = true;
	if (rules->is_any || rules->origin_count == ORIGINS ||
		check_origin(line) != CORS_ORIGIN_OK)
		return;
	if (!rules->origins)
		rules->origins = calloc(ORIGINS, sizeof(*rules->origins));
	MUST(rules->origins);
	rules->origins[rules->origin_count] = strdup(line);
	MUST(rules->origins[rules->origin_count++]);
}

static void add_all(struct list *list, char *text)
{
	char *line;

	list->count = text != NULL;
	while ((line = strsep(&text, "\n")))
		if (*line)
			add(list, line);
		else if (list->count < RULES)
			list->count++;
}

static bool is_listed(const struct cors_rules *rules, const char *origin)
{
	for (size_t i = 0; i < rules->origin_count; i++)
		if (strcmp(rules->origins[i], origin) == 0)
			return true;
	return false;
}

static void check_grant(
	const struct list *list, const char *origin, bool credentials)
{
	const struct cors_rules *rules[RULES] = { NULL };
	size_t closed = 0, any = 0, listing = 0;
	struct cors_grant grant;

	for (size_t i = 0; i < list->count; i++) {
		rules[i] = &list->rules[i];
		any += rules[i]->is_any;
		closed += !rules[i]->is_any && rules[i]->origin_count == 0;
		listing += is_listed(rules[i], origin);
	}
	grant = cors_decide(rules, list->count, origin, credentials);
	MUST(grant.varies == (closed == 0 && any < list->count));
	if (list->count == 0 || any + listing < list->count)
		MUST(!grant.origin);
	else
		MUST(strcmp(grant.origin, listing ? origin : "*") == 0);
	MUST(grant.with_credentials ==
		(credentials && grant.origin && listing > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *origin;
	struct list list = { .count = 0 };

	MUST(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	origin = strsep(&rest, "\n");
	check_origin(origin);
	add_all(&list, rest);
	check_grant(&list, origin, false);
	check_grant(&list, origin, true);
	for (size_t i = 0; i < list.count; i++)
		cors_rules_release(&list.rules[i]);
	free(text);
	return 0;
}
