/*
 * tally: how many streams go to each address, so that one of them cannot take
 * them all. Memory is for the addresses that have any, not for clients.
 *
 * An IPv6 address stands for its /64, which is what one customer gets at the
 * least and could fill alone. What is no address (a unix socket, or a web
 * server that says nothing) counts as one address, too.
 */
#ifndef SSETAIL_TALLY_H
#define SSETAIL_TALLY_H

#include <stddef.h>

#include "common/access.h"

struct tally;
struct tally_entry; /* an address with its streams */

/* For about that many streams in all. NULL with ENOMEM. */
struct tally *tally_new(size_t streams);

/* All entries must have been given back. NULL is allowed. */
void tally_free(struct tally *t);

/*
 * Counts one more stream to an address. Returns the entry that
 * tally_give_back takes when it has ended; NULL with EDQUOT when the address
 * has `max` already, or with ENOMEM.
 */
struct tally_entry *tally_take(
	struct tally *t, const struct access_address *address, unsigned max);
void tally_give_back(struct tally *t, struct tally_entry *entry);

/* Addresses that have any stream. */
size_t tally_count(const struct tally *t);

#endif
