#include "fcgi/reload.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/sandbox.h"

/* A file may be nothing but faults. */
#define FAULTS_TOLD 20

static void tell_faults(const struct config_faults *faults, const char *path)
{
	size_t count = faults->count;

	if (count == 0)
		log_error("reload: %s", strerror(ENOMEM));
	for (size_t i = 0; i < count && i < FAULTS_TOLD; i++) {
		char text[CONFIG_FAULT_TEXT];

		config_fault_text(&faults->list[i], path, text, sizeof(text));
		log_error("reload: %s", text);
	}
	if (count > FAULTS_TOLD)
		log_error("reload: %s: %zu more faults: -t prints them all",
			path, count - FAULTS_TOLD);
}

/* Its folder was replaced, or it is a link that was switched. */
static void tell_outside(const char *path)
{
	log_error("reload: %s: cannot be read: is not within what the sandbox "
		  "was granted at the start; expected a restart",
		path);
}

/* NULL after a line in the log. */
static struct config *load(const char *path)
{
	struct config_faults faults;
	struct config *config = config_load(path, &faults);

	if (!config && faults.unreadable && !sandbox_can_read(path))
		tell_outside(path);
	else if (!config)
		tell_faults(&faults, path);
	config_faults_release(&faults);
	return config;
}

static int keep_fixed(struct config *config, const struct config *running)
{
	char names[256];

	if (config_keep_fixed(config, running, names, sizeof(names)) < 0) {
		log_error("reload: %s", strerror(ENOMEM));
		return -1;
	}
	if (names[0])
		log_warning("reload: %s: as before, until a restart", names);
	return 0;
}

/* Nothing can be granted any more. */
static int stay_inside(
	const struct config *config, const struct config *running)
{
	struct config_fault fault;
	struct config_faults faults = { &fault, 1, false };

	if (sandbox_has_room(config, running, &fault))
		return 0;
	tell_faults(&faults, config->file);
	return -1;
}

bool reload(struct hub *hub)
{
	struct hub_changes changes;
	struct config *config = load(hub->config->file);

	if (config && (keep_fixed(config, hub->config) < 0 ||
			      stay_inside(config, hub->config) < 0 ||
			      hub_reload(hub, config, &changes) < 0)) {
		config_free(config);
		config = NULL;
	}
	if (!config) {
		log_error("reload: nothing has changed");
		return false;
	}
	log_info("reload: %zu sources: %zu added, %zu changed, %zu removed",
		config->source_count, changes.added, changes.changed,
		changes.removed);
	return true;
}
