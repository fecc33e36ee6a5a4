#include "common/pump_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pump_close_pipe(struct pump_source *s, size_t i)
{
	pump_unwatch(s, &s->pipes[i].watch);
	close(s->pipes[i].fd);
	if (s->last == s->pipes[i].fd)
		s->last = PUMP_LAST_CLOSED;
	s->count--;
	for (; i < s->count; i++)
		s->pipes[i] = s->pipes[i + 1];
}

static void add_pipe(struct pump_source *s, int fd, const struct stat *st)
{
	struct pipe_end *end;

	if (s->count == PUMP_PIPES_MAX)
		pump_close_pipe(s, 0);
	end = &s->pipes[s->count++];
	*end = (struct pipe_end){
		.fd = fd, .watch = -1, .dev = st->st_dev, .ino = st->st_ino
	};
	s->has_current = true;
	pump_watch_descriptor_of(s, fd, &end->watch);
}

static bool is_current(const struct pump_source *s, const struct stat *st)
{
	const struct pipe_end *last;

	if (s->count == 0)
		return false;
	last = &s->pipes[s->count - 1];
	return last->dev == st->st_dev && last->ino == st->st_ino;
}

/* Not getgrnam: what it asks is loaded at run time, and a program that was
 * linked statically has nothing to load. */
static gid_t group_of(const char *name)
{
	FILE *f = fopen("/etc/group", "re");
	gid_t found = (gid_t)-1;
	struct group *g;

	while (f && found == (gid_t)-1 && (g = fgetgrent(f)))
		if (strcmp(g->gr_name, name) == 0)
			found = g->gr_gid;
	if (f)
		fclose(f);
	return found;
}

/* Once: the file may have been replaced since, by one that the sandbox keeps
 * from being read. */
int pump_find_group(struct pump_source *s)
{
	if (s->config->group && s->group == (gid_t)-1)
		s->group = group_of(s->config->group);
	if (!s->config->group || s->group != (gid_t)-1)
		return 0;
	errno = EINVAL;
	return -1;
}

/*
 * Nobody but us may open it before it is as it was configured, whatever the
 * umask. What another process made at the same moment is as good.
 */
static int make_pipe(struct pump_source *s)
{
	const struct source_config *config = s->config;
	struct stat st;
	int fd;

	if (pump_find_group(s) < 0)
		return -1;
	if (mkfifo(config->path, S_IRUSR | S_IWUSR) < 0)
		return errno == EEXIST ? 0 : -1;
	fd = open(config->path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) ||
		st.st_uid != geteuid() ||
		(config->group && fchown(fd, (uid_t)-1, s->group) < 0) ||
		fchmod(fd, config->mode) < 0) {
		int error = errno;

		unlink(config->path);
		close(fd);
		errno = error;
		return -1;
	}
	close(fd);
	if (pump_may_log(s))
		log_info("%s: %s: made", config->name, config->path);
	return 0;
}

enum file_state pump_look_at_path(struct pump_source *s)
{
	const char *path = s->config->path;
	struct stat st;
	int fd;

	s->has_current = false;
	if (stat(path, &st) < 0) {
		if (errno != ENOENT || !s->config->create)
			return file_state_of_errno(errno);
		if (make_pipe(s) < 0) {
			if (s->state == FILE_OPEN && pump_may_log(s))
				log_warning("%s: %s: cannot be made: %s",
					s->config->name, path, strerror(errno));
			return errno == ENOENT ? FILE_ABSENT
					       : file_state_of_errno(errno);
		}
		if (stat(path, &st) < 0)
			return file_state_of_errno(errno);
	}
	/* Opening a device may wait, or do something. */
	if (!S_ISFIFO(st.st_mode))
		return FILE_NOT_A_FILE;
	if (is_current(s, &st)) {
		s->has_current = true;
		return FILE_OPEN;
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return file_state_of_errno(errno);
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		close(fd);
		return FILE_NOT_A_FILE;
	}
	add_pipe(s, fd, &st);
	return FILE_OPEN;
}
