/*
 * scrape: reads metrics as strictly as nobody else does: Prometheus' text-based
 * exposition format, version 0.0.4, and what its conventions ask of names. It
 * shares nothing with what writes them.
 */
#ifndef SSETAIL_TESTS_SCRAPE_H
#define SSETAIL_TESTS_SCRAPE_H

#include <stddef.h>
#include <stdint.h>

#define SCRAPE_SAMPLES_MAX 8192

struct scrape {
	size_t count;
	struct {
		char name[64];
		char labels[256]; /* as they stand between the braces */
		uint64_t value;
	} samples[SCRAPE_SAMPLES_MAX];
};

/* Reads a whole body. NULL, or what is wrong with it, valid until the next
 * call. */
const char *scrape_read(struct scrape *s, const char *text);

/*
 * The value of the only sample of that name that has these labels, among
 * others: "source=\"log\"", or "". Fails the test if there is none, or several.
 */
uint64_t scrape_value(
	const struct scrape *s, const char *name, const char *labels);

/* How many samples of that name have these labels. */
size_t scrape_count(
	const struct scrape *s, const char *name, const char *labels);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define scrape_value(...) TEST_HERE(scrape_value(__VA_ARGS__))
#endif

#endif
