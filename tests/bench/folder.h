/*
 * folder: the one temporary folder of a run, below /tmp, with a short name so
 * that sockets fit. It is removed with all that is in it when the benchmark
 * ends, however it ends.
 */
#ifndef SSETAIL_BENCH_FOLDER_H
#define SSETAIL_BENCH_FOLDER_H

/* The path of a file in it. Valid until the end; the same name gives the same
 * pointer. The folder is made when this is first asked. */
const char *folder_path(const char *name);

/* The same for a name that was not asked for before: a number is put before
 * it. */
const char *folder_new_path(const char *name);

/* Writes such a file anew, and returns its path. */
const char *folder_write(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes such a file from one of the tree, in which each @NAME@ of the pairs
 * { "NAME", value } becomes its value; they end with NULL. Returns its path. */
const char *folder_fill(
	const char *name, const char *from, const char *const values[][2]);

#endif
