#include "common/remedy.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/account.h"
#include "common/log.h"

/* Who owns logs that are root's alone, on most systems. */
#define LOG_GROUP "adm"

enum { BIT_R = 4, BIT_X = 1 };

enum advice {
	ADVICE_CREATE,
	ADVICE_CORRECT,	    /* the path names something else */
	ADVICE_CHMOD_USER,  /* it is ours */
	ADVICE_CHMOD_GROUP, /* it is our group's */
	ADVICE_JOIN,	    /* its group may */
	ADVICE_GRANT,	    /* nobody but its owner may */
	ADVICE_LOOK,	    /* the bits allow it: something else refuses */
	ADVICE_CAUSE
};

/* ---- what to advise */

static bool is_about_rights(const struct obstacle *o)
{
	return o->kind == OBSTACLE_SEARCH || o->kind == OBSTACLE_LIST ||
	       o->kind == OBSTACLE_READ;
}

/* The bit without which it is in the way. */
static unsigned missing_bit(const struct obstacle *o)
{
	return o->kind == OBSTACLE_SEARCH ? BIT_X : BIT_R;
}

/* The rights to give, as chmod and setfacl take them. A folder that holds a
 * log is both listed and searched, for the rotated files. */
static const char *rights(const struct obstacle *o)
{
	if (o->kind == OBSTACLE_READ)
		return "r";
	return o->kind == OBSTACLE_SEARCH && !o->holds_it ? "x" : "rx";
}

static enum advice advice_on_rights(const struct obstacle *o)
{
	unsigned bit = missing_bit(o), mode = o->st.st_mode;
	bool group_may = mode >> 3 & bit;

	if (geteuid() == o->st.st_uid)
		return mode >> 6 & bit ? ADVICE_LOOK : ADVICE_CHMOD_USER;
	if (account_is_in(o->st.st_gid))
		return group_may ? ADVICE_LOOK : ADVICE_CHMOD_GROUP;
	if (mode & bit)
		return ADVICE_LOOK;
	/* The group root is nothing to join. */
	return group_may && o->st.st_gid != 0 ? ADVICE_JOIN : ADVICE_GRANT;
}

static enum advice advice_on(const struct obstacle *o)
{
	switch (o->kind) {
	case OBSTACLE_ABSENT:
		return ADVICE_CREATE;
	case OBSTACLE_NOT_A_FOLDER:
	case OBSTACLE_NOT_A_FILE:
		return ADVICE_CORRECT;
	case OBSTACLE_SEARCH:
	case OBSTACLE_LIST:
	case OBSTACLE_READ:
		return advice_on_rights(o);
	default:
		return ADVICE_CAUSE;
	}
}

static bool same_remedy(const struct obstacle *a, const struct obstacle *b)
{
	enum advice advice = advice_on(a);

	if (advice != advice_on(b))
		return false;
	switch (advice) {
	case ADVICE_JOIN:
		return a->st.st_gid == b->st.st_gid;
	case ADVICE_CHMOD_GROUP:
	case ADVICE_GRANT:
		/* Of files: what logrotate is told names owner and group. */
		return a->kind == b->kind && a->st.st_uid == b->st.st_uid &&
		       a->st.st_gid == b->st.st_gid;
	case ADVICE_CAUSE:
		return a->error == b->error;
	default:
		return true;
	}
}

/* ---- words */

static void print_label(FILE *out, const char *label)
{
	fprintf(out, "  %-11s ", label);
}

/* As a word for a shell. What would do something to a terminal becomes a
 * pattern that matches it. */
static void print_word(FILE *out, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789_./-+,:@%";

	if (s[strspn(s, plain)] == '\0') {
		fputs(s, out);
		return;
	}
	fputc('\'', out);
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", out);
		else if (iscntrl((unsigned char)*s))
			fputs("'?'", out);
		else
			fputc(*s, out);
	}
	fputc('\'', out);
}

static void print_group(FILE *out, gid_t gid)
{
	char name[ACCOUNT_NAME_MAX];

	account_group(gid, name);
	fputs(name, out);
}

static void print_owner(FILE *out, const struct stat *st)
{
	char name[ACCOUNT_NAME_MAX];

	account_user(st->st_uid, name);
	fprintf(out, "%s:", name);
	print_group(out, st->st_gid);
}

/* Us, as the login that a command takes. */
static void print_login(FILE *out)
{
	char name[ACCOUNT_NAME_MAX];

	if (account_user(geteuid(), name))
		print_word(out, name);
	else
		fprintf(out, "\"$(id -un %s)\"", name);
}

static char type_letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	default:
		return '-';
	}
}

/* As `ls -l` does. */
static void print_mode(FILE *out, mode_t mode)
{
	char text[] = "?rwxrwxrwx";

	text[0] = type_letter(mode);
	for (unsigned i = 0; i < 9; i++)
		if (!(mode >> (8 - i) & 1))
			text[1 + i] = '-';
	if (mode & S_ISUID)
		text[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		text[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		text[9] = mode & S_IXOTH ? 't' : 'T';
	fputs(text, out);
}

/* ---- what is in the way */

static const char *what_is_wrong(const struct obstacle *o)
{
	switch (o->kind) {
	case OBSTACLE_ABSENT:
		return "is not there";
	case OBSTACLE_NOT_A_FOLDER:
		return "is not a folder";
	case OBSTACLE_SEARCH:
		return "may not be searched: no x for us";
	case OBSTACLE_LIST:
		return "may not be listed: no r for us, so rotated files are "
		       "not found";
	case OBSTACLE_READ:
		return "may not be read: no r for us";
	case OBSTACLE_NOT_A_FILE:
		return "is not a regular file";
	default:
		return strerror(o->error);
	}
}

static void print_obstacle(FILE *out, const struct obstacle *o)
{
	char shown[4 * PATH_MAX + 1];

	print_label(out, "in the way:");
	if (o->st.st_mode != 0) {
		print_mode(out, o->st.st_mode);
		fputc(' ', out);
		print_owner(out, &o->st);
		fputc(' ', out);
	}
	fprintf(out, "%s%s %s", log_escape(shown, sizeof(shown), o->path),
		o->kind == OBSTACLE_OTHER ? ":" : "", what_is_wrong(o));
	if (o->link[0])
		fprintf(out, "; the link %s leads there",
			log_escape(shown, sizeof(shown), o->link));
	fputc('\n', out);
}

void remedy_print_user(FILE *out)
{
	char name[ACCOUNT_NAME_MAX];
	int count = getgroups(0, NULL);
	gid_t *groups =
		calloc((size_t)(count > 0 ? count : 0) + 1, sizeof(*groups));

	account_user(geteuid(), name);
	fprintf(out, "%s, in ", name);
	print_group(out, getegid());
	count = groups ? getgroups(count, groups) : 0;
	for (int i = 0; i < count; i++) {
		if (groups[i] == getegid())
			continue;
		fputs(", ", out);
		print_group(out, groups[i]);
	}
	free(groups);
}

/* ---- remedies */

static void print_chmod(FILE *out, const struct obstacle *o, char whose)
{
	print_label(out, "remedy:");
	fprintf(out, "chmod %c+%s ", whose, rights(o));
	print_word(out, o->path);
	fputc('\n', out);
}

static void print_grant(FILE *out, const struct obstacle *o)
{
	char user[ACCOUNT_NAME_MAX];

	account_user(geteuid(), user);
	print_label(out, "remedy:");
	fprintf(out, "setfacl -m u:%s:%s ", user, rights(o));
	print_word(out, o->path);
	fputc('\n', out);
}

static void print_look(FILE *out, const struct obstacle *o)
{
	print_label(out, "look at:");
	fputs("getfacl ", out);
	print_word(out, o->path);
	fputs("; AppArmor or SELinux (dmesg); the file server: these bits "
	      "would let us\n",
		out);
}

static void print_join(FILE *out, const char *group)
{
	print_label(out, "remedy:");
	fprintf(out, "usermod -aG %s ", group);
	print_login(out);
	fputs("   # and start the service again\n", out);
	print_label(out, "or:");
	fprintf(out, "SupplementaryGroups=%s   # in its systemd unit\n", group);
}

/* What logrotate makes tomorrow has the rights that it was told. */
static void print_logrotate(FILE *out, const struct obstacle *o)
{
	char owner[ACCOUNT_NAME_MAX], group[ACCOUNT_NAME_MAX] = LOG_GROUP;

	account_user(o->st.st_uid, owner);
	if (o->st.st_gid != 0)
		account_group(o->st.st_gid, group);
	print_label(out, "logrotate:");
	fprintf(out, "create 0640 %s %s   # in its settings for this log",
		owner, group);
	if (!account_is_in(o->st.st_gid)) {
		fputs(", and be in the group: usermod -aG ", out);
		fprintf(out, "%s ", group);
		print_login(out);
	}
	fputc('\n', out);
}

static const char *remedy_of_error(int error)
{
	switch (error) {
	case EIO:
		return "the disk or the file server is at fault: dmesg says "
		       "more";
	case ELOOP:
		return "set a link that leads to the file";
	case ENFILE:
	case EMFILE:
		return "raise the limit of open files: ulimit -n";
	default:
		return "see the cause";
	}
}

/* What is said of each obstacle, */
static void print_own_remedy(
	FILE *out, const struct obstacle *o, enum advice advice)
{
	switch (advice) {
	case ADVICE_CHMOD_USER:
		print_chmod(out, o, 'u');
		break;
	case ADVICE_CHMOD_GROUP:
		print_chmod(out, o, 'g');
		break;
	case ADVICE_GRANT:
		print_grant(out, o);
		break;
	case ADVICE_LOOK:
		print_look(out, o);
		break;
	default:
		break;
	}
}

/* and what once for all that have the same remedy. */
static void print_common_remedy(
	FILE *out, const struct obstacle *o, enum advice advice)
{
	char group[ACCOUNT_NAME_MAX];
	const char *words;

	switch (advice) {
	case ADVICE_JOIN:
		account_group(o->st.st_gid, group);
		print_join(out, group);
		return;
	case ADVICE_CHMOD_GROUP:
	case ADVICE_GRANT:
		if (o->kind == OBSTACLE_READ)
			print_logrotate(out, o);
		return;
	case ADVICE_CREATE:
		words = "correct the path; or leave it, for what is not there "
			"is waited for";
		break;
	case ADVICE_CORRECT:
		words = "name a regular file";
		break;
	case ADVICE_CAUSE:
		words = remedy_of_error(o->error);
		break;
	default:
		return;
	}
	print_label(out, "remedy:");
	fprintf(out, "%s\n", words);
}

/* The first one, and those of the others that the same remedy mends. */
static void print_block(FILE *out, const struct obstacle *first, size_t count)
{
	enum advice advice = advice_on(first);

	for (size_t i = 0; i < count; i++)
		if (same_remedy(first, &first[i]))
			print_obstacle(out, &first[i]);
	if (is_about_rights(first)) {
		print_label(out, "we are:");
		remedy_print_user(out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < count; i++)
		if (same_remedy(first, &first[i]))
			print_own_remedy(out, &first[i], advice);
	print_common_remedy(out, first, advice);
}

bool remedy_print(FILE *out, const struct obstacle *obstacles, size_t count)
{
	bool about_rights = false;

	for (size_t i = 0; i < count; i++) {
		const struct obstacle *first = &obstacles[i];
		size_t j = 0;

		about_rights |= is_about_rights(first);
		while (!same_remedy(&obstacles[j], first))
			j++;
		/* Else it was said with that one. */
		if (j == i)
			print_block(out, first, count - i);
	}
	return about_rights;
}

void remedy_print_warning(FILE *out)
{
	char user[ACCOUNT_NAME_MAX];

	if (!account_user(geteuid(), user) || !account_is_web_server(user))
		return;
	fprintf(out,
		"beware: what %s may read, every script that runs as %s may "
		"read, too, in PHP or as CGI.\n"
		"Rather run ssetail.fcgi as a user of its own, and check "
		"again as that one:\n"
		"  useradd --system --no-create-home "
		"--shell /usr/sbin/nologin ssetail\n",
		user, user);
}
