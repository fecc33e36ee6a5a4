/*
 * gauge: what the kernel says about time and about processes.
 */
#ifndef SSETAIL_BENCH_GAUGE_H
#define SSETAIL_BENCH_GAUGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Since some moment; never turned back. */
double now_ns(void);

/* CPU of all threads, in the kernel, too. */
uint64_t cpu_ns(pid_t pid);

/* Its share of memory (smaps_rollup: Pss). What the kernel holds for it, as
 * sockets and their buffers, is not in it. */
size_t pss_bytes(pid_t pid);

#endif
