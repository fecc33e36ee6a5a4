#include "common/pump_inside.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* Pieces that are moved of one pipe before the others get their turn. */
#define MOVES_A_TURN 64

/* What was left unfinished has no other end: its writer has gone, or its
 * pipe has been replaced. */
static int end_record(struct pump_source *s)
{
	int ends = spool_ends_record(&s->spool);

	return ends == 0 ? spool_end_record(&s->spool) : ends - 1;
}

static enum moved drain(struct pump_source *s, const struct pipe_end *end)
{
	enum moved result = MOVED_SOME;

	for (int i = 0; i < MOVES_A_TURN && result == MOVED_SOME; i++) {
		if (s->last != PUMP_LAST_UNKNOWN && s->last != end->fd) {
			int waiting = 0;

			if (ioctl(end->fd, FIONREAD, &waiting) < 0 ||
				waiting == 0)
				return MOVED_ALL;
			if (end_record(s) < 0)
				return MOVE_FAILED;
		}
		result = pump_move(s, end->fd);
		if (result == MOVED_SOME)
			s->last = end->fd;
	}
	/* Unless it is another pipe's, whose writer may be there yet. */
	if (result == MOVED_END && (s->last == end->fd || s->last < 0) &&
		end_record(s) < 0)
		result = MOVE_FAILED;
	return result;
}

/* Nobody who writes is to wait for a disk. */
static void begin_memory(struct pump_source *s)
{
	int error = errno;

	if (!s->spool.memory && spool_begin_memory(&s->spool) == 0) {
		if (pump_may_log(s))
			log_warning("%s: spool: %s: going on in memory, for "
				    "the clients of this process",
				s->config->name, strerror(error));
		s->more = true;
		s->is_told = false;
	} else if (!s->is_told) {
		if (pump_may_log(s))
			log_error("%s: spool: %s", s->config->name,
				strerror(error));
		s->is_told = true;
	}
}

void pump_drain_all(struct pump_source *s)
{
	bool failed = spool_check(&s->spool) < 0;

	s->more = false;
	for (size_t i = 0; i < s->count && !failed;) {
		bool stale = i + 1 < s->count || !s->has_current;
		enum moved result = MOVED_ALL;

		if (s->pipes[i].is_locked)
			result = drain(s, &s->pipes[i]);
		s->more |= result == MOVED_SOME;
		failed = result == MOVE_FAILED;
		if (stale && result == MOVED_END)
			pump_close_pipe(s, i);
		else
			i++;
	}
	if (failed)
		begin_memory(s);
	spool_tell(&s->spool);
}

void pump_end_memory(struct pump_source *s)
{
	uint64_t lost;

	if (s->spool.memory && spool_end_memory(&s->spool, &lost) == 1 &&
		pump_may_log(s))
		log_info("%s: spool: on the disk again; %llu bytes are "
			 "missing there",
			s->config->name, (unsigned long long)lost);
}
