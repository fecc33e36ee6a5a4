/*
 * init: the files that a shared host needs beside the program, to start from:
 * those of conf/apache, as they are, with the user's values in the place of
 * the example's.
 */
#ifndef SSETAIL_INIT_H
#define SSETAIL_INIT_H

struct init_values {
	const char *name;   /* of the source */
	const char *path;   /* of its log, as in the configuration */
	const char *folder; /* absolute: where the files will lie on the host */
};

/* What cannot be taken of the values, as a sentence without a full stop; NULL
 * if all can. The sentence is constant. */
const char *init_fault(const struct init_values *values);

/* Both files to standard output, each behind a line that names it and that
 * is a comment in it. Returns 0, or -1 with errno. */
int init_print(const struct init_values *values);

/*
 * Both files into `directory`, without a word. Never writes over anything:
 * where one of them is there already, neither is written. Returns 0, or -1
 * with errno and, in *name, the file that it is about.
 */
int init_write(const struct init_values *values, const char *directory,
	const char **name);

#endif
