#include "common/config_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

#define STATE_DIR_USUAL "/var/lib/ssetail"

const struct source_config *config_source(
	const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (strcmp(config->sources[i].name, name) == 0)
			return &config->sources[i];
	return NULL;
}

/* NULL with errno. */
static char *make_absolute(const char *path)
{
	if (path[0] == '/')
		return strdup(path);

	char *folder = getcwd(NULL, 0);
	char *absolute = NULL;

	if (folder == NULL)
		return NULL;
	if (asprintf(&absolute, "%s/%s", folder, path) < 0) {
		absolute = NULL;
		errno = ENOMEM;
	}
	free(folder);
	return absolute;
}

/* What libconfig makes of a text: buffers of its scanner, and a setting for
 * every few bytes, "a=1;" at the least. */
#define TREE_BYTES  262144u
#define TREE_FACTOR 40u

static void parse_fault(
	struct config_reader *r, const config_t *tree, unsigned last)
{
	unsigned line = (unsigned)config_error_line(tree);

	/* What is missing at the end is missed behind the last line. */
	if (line > last)
		line = last;
	if (strcmp(config_error_text(tree), "duplicate setting name") == 0)
		config_add_fault(
			r, line, "", "the same key twice in one group");
	else
		config_add_fault(r, line, "",
			"%s here or just before; expected KEY = VALUE; with "
			"every string in quotes",
			config_error_text(tree));
}

static void parse(
	struct config_reader *r, const char *text, struct config_lexer *lexer)
{
	config_t tree;

	if (!memory_is_there(TREE_BYTES + TREE_FACTOR * strlen(text))) {
		r->no_memory = true;
		return;
	}
	config_init(&tree);
	if (config_read_string(&tree, text) == CONFIG_TRUE) {
		config_setting_t *root = config_root_setting(&tree);

		config_attach_literals(root, lexer);
		config_read_group(
			r, &config_global_keys, root, r->config, TYPE_ANY);
		config_check_credentials(r, root);
	} else {
		parse_fault(r, &tree, lexer->last_line);
	}
	/* Those without a setting are faults all the same. */
	for (size_t i = lexer->attached; i < lexer->count; i++)
		config_add_fault(r, lexer->list[i].line, "",
			"an integer or a string %s", lexer->list[i].what);
	config_destroy(&tree);
}

static void check_text(struct config_reader *r, struct buffer *text)
{
	static const char bom[] = "\xef\xbb\xbf";
	unsigned line = 0;
	const char *what = config_what_is_no_text(text, &line);

	if (what) {
		config_add_fault(r, line, "", "%s", what);
		return;
	}
	/* libconfig takes a comment for one only where a newline ends it. */
	buffer_add(text, "\n", 2);
	if (text->failed)
		return;

	const char *start = text->data;

	if (strncmp(start, bom, 3) == 0)
		start += 3;

	struct config_lexer lexer = {
		.r = r, .at = start, .line = 1, .last_line = 1
	};

	config_lex(&lexer);
	if (!lexer.broken)
		parse(r, start, &lexer);
	free(lexer.list);
}

/* systemd names the folder of StateDirectory=, or several with colons. */
static void set_state_dir(struct config_reader *r, struct config *config)
{
	const char *given = getenv("STATE_DIRECTORY");

	config_keep(r, &config->state_dir, STATE_DIR_USUAL);
	if (given != NULL && given[0] == '/') {
		config_keep(r, &config->state_dir, given);
		if (config->state_dir != NULL)
			config->state_dir[strcspn(given, ":")] = '\0';
	}
}

static struct config *new_config(struct config_reader *r, const char *path)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config == NULL) {
		r->no_memory = true;
		return NULL;
	}
	*config = (struct config){
		.listen_mode = 0660,
		.heartbeat_s = 15,
		.retry_ms = 2000,
		.lifetime_s = 0,
		.stall_s = 300,
		.max_clients = 10000,
		.send_buffer_bytes = 32768,
		.ring_bytes = 1048576,
		.incremental = true,
		.doctor = true,
		.sandbox = true,
	};
	set_state_dir(r, config);
	config->file = make_absolute(path);
	if (config->file == NULL && errno == ENOMEM)
		r->no_memory = true;
	else if (config->file == NULL)
		config_add_unreadable(r, strerror(errno));
	return config;
}

struct config *config_load(const char *path, struct config_faults *faults)
{
	struct config_reader r = { .faults = faults };
	struct buffer text = BUFFER_INIT;

	*faults = (struct config_faults){ NULL, 0, false };
	r.config = new_config(&r, path);
	if (r.config != NULL && r.config->file != NULL &&
		config_read_text(&r, path, &text))
		check_text(&r, &text);
	r.no_memory = r.no_memory || text.failed;
	buffer_release(&text);

	if (!r.no_memory && faults->count == 0)
		return r.config;
	config_free(r.config);
	if (r.no_memory) {
		config_faults_release(faults);
		errno = ENOMEM;
	}
	return NULL;
}

static void release_source(struct source_config *source)
{
	free(source->name);
	free(source->event);
	free(source->path);
	free(source->rotated);
	free(source->group);
	free(source->time_format);
	access_rules_release(&source->access);
	cors_rules_release(&source->cors);
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->source_count; i++)
		release_source(&config->sources[i]);
	free(config->sources);
	free(config->file);
	free(config->listen);
	free(config->listen_group);
	free(config->state_dir);
	for (size_t i = 0; i < config->sandbox_paths.count; i++)
		free(config->sandbox_paths.list[i]);
	free(config->sandbox_paths.list);
	cors_rules_release(&config->cors);
	access_rules_release(&config->metrics);
	free(config);
}
