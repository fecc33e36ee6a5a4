/*
 * fuzz: what the harnesses share.
 *
 * A harness is one function, which libFuzzer calls with bytes of its own
 * making, and `make check-units` with those of tests/fuzz/corpus/NAME, where
 * the harness is fuzz_NAME.c (replay.c). It says what must be true of any
 * input. Where an input needs some form it is text, so that the corpus can be
 * read and written by hand.
 */
#ifndef SSETAIL_TESTS_FUZZ_H
#define SSETAIL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input for which this is false is a find. */
#define MUST(expression)                                                       \
	do {                                                                   \
		if (!(expression)) {                                           \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,     \
				__LINE__, #expression);                        \
			abort();                                               \
		}                                                              \
	} while (0)

#endif
