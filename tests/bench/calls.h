/*
 * calls: the system calls or the instructions of a process, counted by
 * ptrace(2). That makes it slow: nothing else is measured meanwhile.
 */
#ifndef SSETAIL_BENCH_CALLS_H
#define SSETAIL_BENCH_CALLS_H

#include <stdint.h>
#include <sys/types.h>

struct calls;

/* System calls of all its threads; instructions of the first one, step by
 * step, those of the kernel left out. */
enum calls_kind { CALLS_SYSTEM, CALLS_INSTRUCTIONS };

/* Takes hold of all threads of a child of ours. NULL with errno where that
 * is not allowed. */
struct calls *calls_begin(pid_t pid, enum calls_kind kind);

/* Lets it go on to the next one, if it waits there; never blocks. To be
 * called again and again. Returns how many there were so far. */
uint64_t calls_step(struct calls *c);

/* Lets it go. NULL is fine. */
void calls_end(struct calls *c);

#endif
