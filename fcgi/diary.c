#include "fcgi/diary.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"

#define NAMES_BYTES 256
#define USER_BYTES  256

/* The names of the sources that were asked for, with commas. */
static void add_names(const struct request *request, char *names, size_t size)
{
	size_t len = 0;

	names[0] = '\0';
	for (size_t i = 0; i < request->source_count && len + 1 < size; i++) {
		if (i > 0)
			names[len++] = ',';
		log_escape(names + len, size - len, request->source[i]);
		len += strlen(names + len);
	}
}

void diary_request(int fd, const struct request *request, const char *what)
{
	char address[4 * REQUEST_ADDRESS_MAX + 1];
	char user[USER_BYTES], names[NAMES_BYTES];

	add_names(request, names, sizeof(names));
	log_info("client %d: \"%s\", user \"%s\", sources \"%s\": %s", fd,
		log_escape(address, sizeof(address), request->remote_address),
		log_escape(user, sizeof(user), request->remote_user), names,
		what);
}

void diary_end(int fd)
{
	log_info("client %d: the stream has ended", fd);
}
