#include "common/account.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool account_user(uid_t uid, char out[ACCOUNT_NAME_MAX])
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *entry = NULL;
	bool found;

	while (f && (entry = fgetpwent(f)) && entry->pw_uid != uid)
		;
	found = entry != NULL;
	if (found)
		snprintf(out, ACCOUNT_NAME_MAX, "%s", entry->pw_name);
	else
		snprintf(out, ACCOUNT_NAME_MAX, "%u", (unsigned)uid);
	if (f)
		fclose(f);
	return found;
}

bool account_group(gid_t gid, char out[ACCOUNT_NAME_MAX])
{
	FILE *f = fopen("/etc/group", "re");
	struct group *entry = NULL;
	bool found;

	while (f && (entry = fgetgrent(f)) && entry->gr_gid != gid)
		;
	found = entry != NULL;
	if (found)
		snprintf(out, ACCOUNT_NAME_MAX, "%s", entry->gr_name);
	else
		snprintf(out, ACCOUNT_NAME_MAX, "%u", (unsigned)gid);
	if (f)
		fclose(f);
	return found;
}

bool account_is_in(gid_t gid)
{
	int count = getgroups(0, NULL);
	gid_t *groups =
		calloc((size_t)(count > 0 ? count : 0) + 1, sizeof(*groups));
	bool is_in = gid == getegid();

	if (!groups)
		return is_in;
	count = getgroups(count, groups);
	for (int i = 0; i < count && !is_in; i++)
		is_in = groups[i] == gid;
	free(groups);
	return is_in;
}

bool account_is_web_server(const char *name)
{
	static const char *const names[] = { "www-data", "www", "http", "httpd",
		"apache", "wwwrun", "nginx", "lighttpd", "nobody" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
