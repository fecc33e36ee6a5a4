/*
 * config: the configuration file, read and checked. The one user of libconfig.
 *
 * What comes out is plain data: every value in range, every path absolute,
 * every default filled in. Nothing here opens a source; but where a source
 * has no type, its path is looked at: a pipe makes it a "fifo". The keys, their
 * ranges and defaults are in conf/ssetail.conf.
 *
 * The file has at most 1 MiB, in UTF-8 with or without a byte order mark, and
 * includes no other. What libconfig passes over without a word is a fault
 * here: integers that do not fit, strings cut by a NUL, an open comment.
 */
#ifndef SSETAIL_CONFIG_H
#define SSETAIL_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/access.h"
#include "common/cors.h"
#include "common/split.h"

#define SOURCE_NAME_MAX 64 /* bytes, without the NUL */

/* Whether a source may be called that: [A-Za-z0-9_.-]{1,64}, but not . or ..,
 * which browsers resolve away. */
bool config_is_name(const char *s);

enum source_type { SOURCE_FILE, SOURCE_FIFO, SOURCE_CLOCK };
enum config_ids { IDS_POSITION, IDS_WRITER, IDS_ORDERED };
enum clock_show {
	CLOCK_COUNT,
	CLOCK_TIME,
	CLOCK_BEAT /* the doctor's, see beat.h; of no configuration */
};

struct path_list {
	char **list; /* absolute */
	size_t count;
};

struct source_config {
	char *name;    /* [A-Za-z0-9_.-]{1,64} */
	unsigned line; /* of the file, where the source begins */
	enum source_type type;
	char *event;		    /* type of its events; NULL: none given */
	unsigned history;	    /* records at a first connect */
	unsigned history_max;	    /* the most that tail=N may ask for */
	struct access_rules access; /* who may read it */
	struct cors_rules cors; /* pages of which origins may; where there */
	bool has_cors;		/* are none, those of the whole count */

	/* type "file" and type "fifo" */
	char *path; /* absolute */
	enum split_format format;
	enum config_ids ids;   /* others than ours: of format sse only */
	unsigned quiet_ms;     /* of format multiline: ends a record */
	size_t max_line_bytes; /* a longer line is cut */

	/* type "file" */
	char *rotated; /* fnmatch(3) pattern of the siblings' names,
			* without a slash; NULL: see siblings.h */

	/* type "fifo" */
	size_t spool_bytes; /* kept of it on the disk, at most */
	bool create;	    /* make the pipe where there is nothing */
	mode_t mode;	    /* of a pipe that is made */
	char *group;	    /* of the same; NULL: none given */

	/* type "clock" */
	enum clock_show show;
	unsigned interval_ms; /* at least 10 */
	uint64_t count;	      /* events in all; 0: endless */
	bool is_padded;	      /* of CLOCK_BEAT */
	char *time_format;    /* strftime(3) */
};

struct config {
	char *file;   /* absolute, where it was read */
	char *listen; /* NULL: none given. A path, or HOST:PORT */
	mode_t listen_mode;
	char *listen_group; /* NULL: none given */
	unsigned heartbeat_s;
	unsigned retry_ms;
	unsigned lifetime_s; /* 0: a stream never ends by itself */
	unsigned stall_s;
	unsigned max_clients; /* streams at a time, in one process */
	unsigned max_clients_per_address; /* of them; 0: any number */
	size_t send_buffer_bytes;
	size_t ring_bytes;
	bool incremental;
	bool doctor;		/* ?doctor is answered */
	bool log_clients;	/* lines about single clients */
	bool trust_remote_user; /* see access.h */
	char *state_dir;	/* absolute; spools of pipes are in it */
	bool sandbox;		/* see sandbox.h */
	struct path_list sandbox_paths; /* may be read, too */
	struct cors_rules cors;
	bool cors_credentials;
	struct access_rules metrics; /* allow alone: who may see what was
				      * counted; empty: nobody */
	struct source_config *sources;
	size_t source_count;
};

struct config_fault {
	unsigned line;	/* from 1; 0: the file as a whole */
	char key[96];	/* "retry", "sources[2].path" (the third source: they
			 * count from 0); "" if none fits */
	char what[160]; /* holds neither values nor paths: CGI shows it to
			 * strangers */
};

#define CONFIG_FAULT_TEXT (PATH_MAX + 300)

struct config_faults {
	struct config_fault *list;
	size_t count;
	bool unreadable; /* the file could not be opened: not its content */
};

/*
 * Finds the configuration. `given` is the argument of -c or NULL; next comes
 * SSETAIL_CONF in this process's own environment, then .htssetail.conf and
 * ssetail.conf beside the program (config_program_folder), then
 * SYSCONFDIR/ssetail.conf. What -c or SSETAIL_CONF names is returned whether
 * it exists or not. Returns a path that the caller frees, or NULL with
 * ENOENT (nowhere) or ENOMEM.
 */
char *config_find(const char *given);

/*
 * The folder of the program's file, links resolved: by /proc/self/exe, and
 * where there is no /proc by the name that the program was started with, so
 * that the current folder must still be the one of the start. Returns a path
 * that the caller frees, or NULL with errno.
 */
char *config_program_folder(void);

/*
 * Reads and checks `path`. Returns a configuration that the caller gives to
 * config_free, or NULL with `faults` filled with everything that is wrong,
 * ordered by line (NULL and no fault at all: ENOMEM). Release the faults in
 * any case. Two sources whose names have the same tag in event ids are a
 * fault. Blocks on the disk: for the start and for a reload.
 */
struct config *config_load(const char *path, struct config_faults *faults);
void config_free(struct config *config);

/* One fault as "file:line: key: what", cut to fit. CONFIG_FAULT_TEXT bytes
 * always do. */
void config_fault_text(const struct config_fault *f, const char *path,
	char *text, size_t size);

/* Prints each fault to standard error, in that form; none: ENOMEM. */
void config_faults_print(const struct config_faults *faults, const char *path);
void config_faults_release(struct config_faults *faults);

/* Does every key of the source say the same in both? */
bool config_same_source(
	const struct source_config *a, const struct source_config *b);

/* Is what is said outside of the sources about who may read the same? */
bool config_same_access(const struct config *a, const struct config *b);

/*
 * What cannot change while a program runs (listen, listen_mode, listen_group,
 * state_dir, sandbox, sandbox_paths) is put into `config` as it is in
 * `running`. The names of those that were to change are in names[size] then,
 * "listen, state_dir", cut to fit. Returns 0, or -1 with ENOMEM: `config` is of
 * no use then.
 */
int config_keep_fixed(struct config *config, const struct config *running,
	char *names, size_t size);

/* The source of that name, or NULL. */
const struct source_config *config_source(
	const struct config *config, const char *name);

#endif
