#include "common/memory.h"

#include <stdlib.h>

/* Less than what malloc asks the kernel for by itself: to give back one that
 * is larger changes for good what malloc keeps (mallopt(3)). */
#define PIECE_BYTES 65536u

struct piece {
	struct piece *next;
};

bool memory_is_there(size_t bytes)
{
	struct piece *taken = NULL;
	size_t have = 0;

	while (have < bytes) {
		struct piece *p = malloc(PIECE_BYTES);

		if (!p)
			break;
		p->next = taken;
		taken = p;
		have += PIECE_BYTES;
	}
	while (taken) {
		struct piece *next = taken->next;

		free(taken);
		taken = next;
	}
	return have >= bytes;
}
