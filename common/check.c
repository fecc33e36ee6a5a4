#include "common/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/file.h"

static const char *remedy(enum file_state state)
{
	switch (state) {
	case FILE_ABSENT:
		return "it is waited for; is the path right?";
	case FILE_PERMISSION:
		return "let the user read it and search its folders, for "
		       "instance as a member of the group that owns them";
	case FILE_NOT_A_FILE:
		return "name a regular file";
	default:
		return "see the cause";
	}
}

static const char *cause(enum file_state state)
{
	return state == FILE_NOT_A_FILE ? "not a regular file"
					: strerror(errno);
}

static int check_file(const struct source_config *source)
{
	struct file *f;
	enum file_state state = file_open(AT_FDCWD, source->path, &f);

	if (state == FILE_OPEN) {
		file_close(f);
		return 0;
	}
	fprintf(stderr, "%s: %s: cannot be read as user %u: %s: %s\n",
		source->name, source->path, (unsigned)geteuid(), cause(state),
		remedy(state));
	return -1;
}

/* Nothing fails by this: it may be meant, and then it should be said. */
static void warn_of_open_sources(const struct config *config)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (access_is_open_unsaid(&config->sources[i].access))
			fprintf(stderr,
				"%s: anybody may read this source: say so with "
				"public = true, or give it require_user, users "
				"or allow\n",
				config->sources[i].name);
}

int check_sources(const struct config *config)
{
	size_t failed = 0;

	warn_of_open_sources(config);
	for (size_t i = 0; i < config->source_count; i++)
		if (config->sources[i].type == SOURCE_FILE &&
			check_file(&config->sources[i]) < 0)
			failed++;
	printf("%s: %zu sources, %zu of them cannot be read now\n",
		config->file, config->source_count, failed);
	return failed ? EX_NOINPUT : 0;
}
