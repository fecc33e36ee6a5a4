#include "cgi/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/config.h"
#include "common/embed.h"

/* The very files that others copy, and that tests run. */
EMBED("init_config", "conf/apache/htssetail.conf");
EMBED("init_htaccess", "conf/apache/htaccess");

extern const char init_config[], init_htaccess[];

static const struct {
	const char *name;
	const char *text;
} files[] = {
	{ ".htssetail.conf", init_config },
	{ ".htaccess", init_htaccess },
};

enum { FILES = sizeof(files) / sizeof(*files) };

static bool has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == '\x7f')
			return true;
	return false;
}

const char *init_fault(const struct init_values *values)
{
	if (!config_is_name(values->name))
		return "the name has to be 1 to 64 letters, digits, dots, "
		       "hyphens and underscores";
	if (values->path[0] == '\0' || has_control(values->path))
		return "the path of the log is empty or has control "
		       "characters in it";
	/* Apache would take a dollar sign for a variable. */
	if (values->folder[0] != '/' || has_control(values->folder) ||
		strpbrk(values->folder, "\"\\$") != NULL)
		return "the folder has to be an absolute path without quotes, "
		       "backslashes, dollar signs and control characters";
	return NULL;
}

/* For a string in double quotes, in libconfig. */
static void add_escaped(struct buffer *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buffer_add_byte(out, '\\');
		buffer_add_byte(out, *s);
	}
}

/* Adds the text, with the values where the example has its own. */
static void fill_in(
	struct buffer *out, const char *text, const struct init_values *values)
{
	const struct {
		const char *example, *value, *rest;
	} places[] = {
		{ "\"error\"", values->name, "" },
		{ "\"../error_log\"", values->path, "" },
		{ "\"/home/me/public_html/log/.htpasswd\"", values->folder,
			"/.htpasswd" },
	};
	enum { PLACES = sizeof(places) / sizeof(*places) };

	while (*text != '\0') {
		size_t i = 0, len = 0;

		for (; i < PLACES; i++) {
			len = strlen(places[i].example);
			if (strncmp(text, places[i].example, len) == 0)
				break;
		}
		if (i == PLACES) {
			buffer_add_byte(out, *text++);
			continue;
		}
		buffer_add_byte(out, '"');
		add_escaped(out, places[i].value);
		buffer_add_string(out, places[i].rest);
		buffer_add_byte(out, '"');
		text += len;
	}
}

static int write_all(int fd, const struct buffer *text)
{
	size_t done = 0;

	if (text->failed) {
		errno = ENOMEM;
		return -1;
	}
	while (done < text->len) {
		ssize_t n = write(fd, text->data + done, text->len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int init_print(const struct init_values *values)
{
	struct buffer text = BUFFER_INIT;
	int result;

	for (size_t i = 0; i < FILES; i++) {
		buffer_add_format(
			&text, "# ======== %s ========\n", files[i].name);
		fill_in(&text, files[i].text, values);
	}
	result = write_all(STDOUT_FILENO, &text);
	buffer_release(&text);
	return result;
}

/* Creates one file. Returns 0, or -1 with errno; then there is none. */
static int write_file(int directory, size_t i, const struct init_values *values)
{
	struct buffer text = BUFFER_INIT;
	int fd = openat(directory, files[i].name,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int result = -1, saved;

	if (fd < 0)
		return -1;
	fill_in(&text, files[i].text, values);
	result = write_all(fd, &text);
	saved = errno;
	if (close(fd) < 0 && result == 0) {
		result = -1;
		saved = errno;
	}
	if (result < 0)
		unlinkat(directory, files[i].name, 0);
	buffer_release(&text);
	errno = saved;
	return result;
}

int init_write(const struct init_values *values, const char *directory,
	const char **name)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int saved;

	*name = "the folder";
	if (fd < 0)
		return -1;
	for (size_t i = 0; i < FILES; i++) {
		*name = files[i].name;
		if (write_file(fd, i, values) == 0)
			continue;
		saved = errno;
		while (i-- > 0)
			unlinkat(fd, files[i].name, 0);
		close(fd);
		errno = saved;
		return -1;
	}
	close(fd);
	return 0;
}
