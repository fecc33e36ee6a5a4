/*
 * gauge: what the kernel says about time, processes and sockets.
 */
#ifndef SSETAIL_BENCH_GAUGE_H
#define SSETAIL_BENCH_GAUGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Since some moment; never turned back. */
double now_ns(void);

void sleep_ms(int ms);

/* CPU of all threads, in the kernel, too. */
uint64_t cpu_ns(pid_t pid);

/* Its share of memory (smaps_rollup: Pss). What the kernel holds for it, as
 * sockets and their buffers, is not in it. */
size_t pss_bytes(pid_t pid);

/* What a configuration has to say so that we may look: only root can look into
 * the sandbox. */
const char *gauge_setting(void);

/* How often it began to run because what it waited for had come: the main
 * thread only. */
uint64_t wakeups(pid_t pid);

/* Bytes of kernel memory that wait in the unix sockets of that path to be
 * read (sock_diag: SK_MEMINFO_WMEM_ALLOC), and how many sockets these are. */
size_t unix_bytes(const char *path, size_t *sockets);

#endif
