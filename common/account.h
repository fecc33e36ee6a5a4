/*
 * account: the names of users and groups, for people to read.
 *
 * They are looked up in /etc/passwd and /etc/group alone: what getpwuid and
 * getgrgid load at run time (NSS) is not to be had in a static program.
 * Accounts of LDAP and the like have their numbers instead.
 */
#ifndef SSETAIL_ACCOUNT_H
#define SSETAIL_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#define ACCOUNT_NAME_MAX 256 /* bytes, with the NUL */

/* Each writes the name, or the number where there is none, to `out` and
 * returns whether it is a name. Blocks on the disk. */
bool account_user(uid_t uid, char out[ACCOUNT_NAME_MAX]);
bool account_group(gid_t gid, char out[ACCOUNT_NAME_MAX]);

/* Is this process, by its effective ids, in the group? */
bool account_is_in(gid_t gid);

/* Is it a name under which web servers run, and with them every script? */
bool account_is_web_server(const char *name);

#endif
