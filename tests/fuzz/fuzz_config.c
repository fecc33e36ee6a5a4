/*
 * Configurations. Whatever the file holds, there is either a configuration in
 * which everything is as config.h promises, or a fault; and a fault is a line
 * of text that can be shown. Read once more, it says the same, and none of it
 * would need a restart.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/config.h"
#include "tests/fuzz/fuzz.h"

/* libconfig 1.5 loses the last string before some faults of syntax. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static void check_text(const char *text, size_t max)
{
	MUST(strnlen(text, max) < max);
	for (; *text; text++)
		MUST(*text >= ' ' && *text <= '~');
}

static void check_faults(const struct config_faults *faults)
{
	unsigned line = 0;

	MUST(faults->count > 0);
	for (size_t i = 0; i < faults->count; i++) {
		const struct config_fault *f = &faults->list[i];

		MUST(f->line >= line);
		line = f->line;
		check_text(f->key, sizeof(f->key));
		check_text(f->what, sizeof(f->what));
		MUST(f->what[0] != '\0');
	}
}

static void check_file(const struct source_config *s)
{
	MUST(s->path && s->path[0] == '/');
	MUST(s->history <= s->history_max && s->history_max <= 100000);
	MUST(s->max_line_bytes >= 1024 && s->max_line_bytes <= 16777216);
	MUST(!s->rotated || (*s->rotated && !strchr(s->rotated, '/')));
	MUST(!s->rotated || s->type == SOURCE_FILE);
	MUST(s->type != SOURCE_FIFO ||
		s->max_line_bytes * 16 <= s->spool_bytes);
	MUST(s->spool_bytes >= 131072 && s->spool_bytes <= 1099511627776);
	MUST((s->mode & ~0777U) == 0 && (s->mode & 0400) != 0);
}

static void check_paths(const struct path_list *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		MUST(paths->list[i][0] == '/');
}

static void check_clock(const struct source_config *s)
{
	MUST(s->show == CLOCK_COUNT || s->show == CLOCK_TIME);
	MUST(s->interval_ms >= 10 && s->interval_ms <= 86400000);
	MUST(s->count <= INT64_MAX);
	MUST(s->time_format && s->time_format[0]);
}

/* Either everybody is said to read, or somebody is kept out, or neither. */
static void check_access(const struct access_rules *rules)
{
	MUST(!rules->is_public || (!rules->require_user && !rules->user_count &&
					  !rules->allow_count));
	for (size_t i = 0; i < rules->user_count; i++) {
		size_t len = strlen(rules->users[i]);

		MUST(len > 0 && len <= ACCESS_USER_MAX);
	}
	for (size_t i = 0; i < rules->allow_count; i++)
		MUST(access_block_holds(
			&rules->allow[i], &rules->allow[i].address));
}

static void check_source(const struct config *c, size_t i)
{
	const struct source_config *s = &c->sources[i];
	size_t len = strspn(s->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	MUST(len > 0 && len <= SOURCE_NAME_MAX && s->name[len] == '\0');
	MUST(config_source(c, s->name) == s);
	if (s->event)
		MUST(*s->event && s->event[strcspn(s->event, "\r\n:")] == '\0');
	check_access(&s->access);
	if (s->type == SOURCE_FILE || s->type == SOURCE_FIFO)
		check_file(s);
	else if (s->type == SOURCE_CLOCK)
		check_clock(s);
}

static void check_config(const struct config *c)
{
	MUST(c->source_count > 0 && c->source_count <= 1000);
	MUST((c->listen_mode & ~0777U) == 0);
	MUST(c->heartbeat_s >= 1 && c->heartbeat_s <= 3600);
	MUST(c->retry_ms >= 100 && c->retry_ms <= 3600000);
	MUST(c->lifetime_s <= 604800);
	MUST(c->stall_s >= 1 && c->stall_s <= 86400);
	MUST(c->send_buffer_bytes >= 4096 && c->send_buffer_bytes <= 16777216);
	MUST(c->state_dir && c->state_dir[0] == '/');
	check_paths(&c->sandbox_paths);
	MUST(c->ring_bytes >= 65536 && c->ring_bytes <= 1073741824);
	for (size_t i = 0; i < c->source_count; i++)
		check_source(c, i);
	MUST(!config_source(c, ""));
}

static void check_again(struct config *c, const char *path)
{
	struct config_faults faults;
	struct config *again = config_load(path, &faults);
	char names[200];

	MUST(again && again->source_count == c->source_count);
	for (size_t i = 0; i < c->source_count; i++)
		MUST(config_same_source(&c->sources[i], &again->sources[i]));
	MUST(config_same_access(c, again));
	MUST(config_keep_fixed(c, again, names, sizeof(names)) == 0);
	MUST(names[0] == '\0');
	config_free(again);
	config_faults_release(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("configuration", MFD_CLOEXEC);
	struct config_faults faults;
	struct config *config;
	char path[40];

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config = config_load(path, &faults);
	if (config != NULL) {
		MUST(faults.count == 0);
		check_config(config);
		check_again(config, path);
	} else {
		check_faults(&faults);
	}
	config_free(config);
	config_faults_release(&faults);
	close(fd);
	return 0;
}
