/*
 * memory: asking before a library that would crash, or end the program, where
 * there is none (libconfig and libfcgi do).
 */
#ifndef SSETAIL_MEMORY_H
#define SSETAIL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Could so many bytes be had right now, in small pieces? They are taken and
 * given back. False with ENOMEM. */
bool memory_is_there(size_t bytes);

#endif
