/*
 * examine: the doctor from a terminal. It measures what the doctor's page does
 * (common/doctor/doctor.js), asks the same judge, and prints what that answers.
 */
#ifndef SSETAIL_EXAMINE_H
#define SSETAIL_EXAMINE_H

/* What it exits with. */
enum { EXAMINE_WELL, EXAMINE_WRONG, EXAMINE_NOTHING };

/*
 * `url` is the address of the program, with or without "?doctor"; `options`
 * are more arguments for curl, ended by NULL. Returns one of the above; what
 * could not be measured is said on standard error.
 */
int examine(const char *url, char *const *options);

#endif
