/*
 * access: who may read a source. Rules and a visitor in, a decision out: it
 * knows no configuration, no request and no descriptor, asks nobody (no name
 * service, no DNS), and blocks nowhere.
 *
 * A visitor is what the web server says in the CGI variables REMOTE_ADDR,
 * REMOTE_USER and AUTH_TYPE (RFC 3875 sections 4.1.8, 4.1.11, 4.1.1). A name
 * counts only where the server has authenticated it: some (nginx, HAProxy)
 * set REMOTE_USER from the Authorization header whatever it says, so that
 * anybody can claim to be anybody. Those that did authenticate set AUTH_TYPE
 * too, which no client can do; HAProxy sets it in any case, and what it says
 * is not taken for an AUTH_TYPE (request.h).
 */
#ifndef SSETAIL_ACCESS_H
#define SSETAIL_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a user's name, without the NUL. Who keeps less of a longer one
 * than all must keep nothing: a part of it is another name. */
#define ACCESS_USER_MAX 255

/*
 * IPv4 in 4 bytes, IPv6 in 16, of network order. An IPv4-mapped IPv6 address
 * (::ffff:192.0.2.7, RFC 4291 section 2.5.5.2), which servers that listen on
 * one socket for both write for IPv4, is the IPv4 address.
 */
struct access_address {
	unsigned char len; /* 4 or 16; 0: none */
	unsigned char bytes[16];
};

/* An address with the number of its first bits that count, the notation of
 * CIDR (RFC 4632 section 3.1, RFC 4291 section 2.3). All others are zero. */
struct access_block {
	struct access_address address;
	unsigned char prefix;
};

/* All zero: everybody may read. */
struct access_rules {
	bool is_public;	   /* everybody may, and somebody said so */
	bool require_user; /* whoever is logged in; always with users */
	char **users;	   /* only these; by free(3), each and all */
	size_t user_count;
	struct access_block *allow; /* only from there; by free(3) */
	size_t allow_count;
};

struct access_visitor {
	struct access_address address;
	const char *user; /* borrowed; NULL: not logged in */
};

/* From the best to the worst: of several, the last one counts. */
enum access_decision {
	ACCESS_GRANTED,
	ACCESS_FORBIDDEN, /* logged in, and not as one who may read it */
	ACCESS_HIDDEN	  /* for this visitor the source does not exist */
};

enum access_block_outcome {
	ACCESS_BLOCK_OK,
	ACCESS_BLOCK_NO_ADDRESS,
	ACCESS_BLOCK_NO_PREFIX, /* or out of its family's range */
	ACCESS_BLOCK_HOST_BITS	/* bits behind the prefix are not zero */
};

/*
 * Reads a numeric address as inet_pton(3) takes it: no zone, no brackets, no
 * port. Returns false with len 0 for anything else.
 */
bool access_read_address(struct access_address *address, const char *text);

/* Reads ADDRESS, a block of one, or ADDRESS/PREFIX in decimal digits. `block`
 * is valid after ACCESS_BLOCK_OK only. */
enum access_block_outcome access_read_block(
	struct access_block *block, const char *text);

/* Is the address in the block? Never, where the families differ. */
bool access_block_holds(
	const struct access_block *block, const struct access_address *address);

/*
 * Fills in a visitor from the variables, "" for one that is not set. The name
 * counts where AUTH_TYPE is set and not empty, or where the server is trusted
 * to set none that it has not authenticated. `remote_user` must live as long
 * as the visitor.
 */
void access_visitor_init(struct access_visitor *visitor,
	const char *remote_address, const char *remote_user, bool has_auth_type,
	bool trust_remote_user);

/* The decision. All rules that are there have to hold; the address comes
 * first, so that who is not let in from where they are learns nothing. */
enum access_decision access_decide(
	const struct access_rules *rules, const struct access_visitor *visitor);

/* May anybody at all read from there, if they log in where they have to? */
bool access_is_allowed_from(
	const struct access_rules *rules, const struct access_address *address);

/* May everybody read, without anybody having said that this is meant? */
bool access_is_open_unsaid(const struct access_rules *rules);

/* Frees what the rules own. */
void access_rules_release(struct access_rules *rules);

#endif
