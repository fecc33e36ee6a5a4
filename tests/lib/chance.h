/*
 * chance: numbers that look random, and come again for the same seed. One
 * sequence for a test program.
 */
#ifndef SSETAIL_TESTS_CHANCE_H
#define SSETAIL_TESTS_CHANCE_H

#include <stdint.h>

/*
 * Begins a sequence. The seed is the value of that variable of the environment
 * ("TEST_SEED"), else the time's; it is printed, so that a run can be repeated,
 * and returned.
 */
uint32_t chance_begin(const char *variable);

/* The next number of the sequence, below `sides`, which is not 0. */
uint32_t chance_below(uint32_t sides);

#endif
