/*
 * hub_inside: what the parts of a hub say to each other. For hub*.c alone.
 *
 *	hub.c         its sources: made, found, looked at, freed
 *	hub_pipe.c    those that are pipes, and the pump that reads them
 *	hub_route.c   from a request to sources, or to an answer
 *	hub_page.c    answers that are pages: the viewer, the doctor
 *	hub_reload.c  another configuration: what is the same goes on
 */
#ifndef SSETAIL_HUB_INSIDE_H
#define SSETAIL_HUB_INSIDE_H

#include "common/access.h"
#include "common/hub.h"

/* ---- hub.c */

/* The source of that name which is not retired, or NULL. */
struct source *hub_find(const struct hub *h, const char *name);

/* ---- hub_pipe.c: each returns 0, or -1 after a line in the log, and may
 * block on the disk */

/* Has the pump, which is there, read the pipe of a source from then on: with
 * a spool, whose path is the source's. */
int hub_open_pipe(struct hub *h, struct source *s);

/* Has the pump run, and holds it (pump_hold), when there are pipes or will be.
 * Where it returns 0 and there is a pump, pump_let_go is due. */
int hub_hold_pump(struct hub *h, const struct config *next);

/* ---- hub_route.c */

/* The sources as one visitor sees them. On the stack, for one request. */
struct hub_view {
	struct hub *hub;
	struct access_visitor visitor;
};

/* What is decided about a source; NULL is as good as hidden, and the other way
 * round. */
enum access_decision hub_decide(
	const struct hub_view *v, const struct source *s);

/* Leaves in the route the sources that the script's name holds, which another
 * server has in PATH_INFO. ACCESS_HIDDEN: it holds none, or the route counts
 * for nothing. */
enum access_decision hub_take_script_name(const struct hub_view *v,
	const struct request *request, struct route *route);

/* Is it for metrics, or for the doctor? */
bool hub_asks_for_no_source(const struct request *request);

/* ---- hub_page.c: each appends the whole response to `answer`, or returns
 * false and leaves it as it was: nothing of the kind is asked for */

/* The viewer, for whom the bare MOUNT is a page to look at, and its worker. */
bool hub_answer_viewer(const struct hub_view *v, enum request_outcome outcome,
	const struct request *request, struct buffer *answer);

/* What is asked of the doctor, but for streams. */
bool hub_answer_doctor(const struct hub *h, enum request_outcome outcome,
	const struct request *request, struct buffer *answer);

/* ---- hub_reload.c */

struct hub_config {
	struct hub_config *next;
	struct config *config;
};

/* Takes a configuration out of the list, and frees it. */
void hub_free_config(struct hub_config **at);

/* Frees the retired sources that no stream has, or all. Returns whether there
 * was one. */
bool hub_free_retired(struct hub *h, bool all);

#endif
