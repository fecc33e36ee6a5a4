/*
 * remedy: says to a person what stands in the way (obstacle.h), who this
 * process is, and what an administrator copies to a shell to mend it.
 */
#ifndef SSETAIL_REMEDY_H
#define SSETAIL_REMEDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/obstacle.h"

/*
 * Prints indented lines for each of the obstacles, and one remedy for all
 * that the same one mends. Commands can be copied as they are: paths are
 * quoted for a shell where they have to be. Returns whether any of them is
 * about rights. Blocks on the disk.
 */
bool remedy_print(FILE *out, const struct obstacle *obstacles, size_t count);

/* Warns, when this process is the web server's user, of what rights for that
 * one show to others. */
void remedy_print_warning(FILE *out);

/* Prints the user that this process is and, behind "in", its groups. */
void remedy_print_user(FILE *out);

#endif
