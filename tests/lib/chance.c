#define TESTS_LIB_INSIDE
#include "tests/lib/chance.h"

#include "tests/lib/test.h"

static uint64_t state;

uint32_t chance_begin(const char *variable)
{
	uint32_t seed = test_setting(variable, 0, (uint32_t)test_now_ms());

	state = seed * 0x9e3779b97f4a7c15u | 1;
	print_message("%s=%u\n", variable, seed);
	return seed;
}

/* Marsaglia's xorshift64; its upper half is the better one. */
uint32_t chance_below(uint32_t sides)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % sides;
}
