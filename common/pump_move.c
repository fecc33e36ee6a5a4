/* A segment ends where a record does. */
#include "common/pump_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <unistd.h>

static enum moved moved(ssize_t n)
{
	if (n > 0)
		return MOVED_SOME;
	if (n == 0)
		return MOVED_END;
	return errno == EAGAIN || errno == EINTR ? MOVED_ALL : MOVE_FAILED;
}

/* Copies what is first in the pipe behind the `before` bytes of the text, and
 * leaves it there. */
static ssize_t peek(struct pump *p, int fd, size_t before, size_t len)
{
	ssize_t n = tee(fd, p->peek[1], len, SPLICE_F_NONBLOCK), got = 0;

	while (got < n) {
		ssize_t more = read(
			p->peek[0], p->text + before + got, (size_t)(n - got));

		if (more <= 0)
			return -1;
		got += more;
	}
	return n;
}

/* Takes out of the pipe what was looked at. */
static int discard(struct pump *p, int fd, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, p->text, len);

		if (n <= 0)
			return -1;
		len -= (size_t)n;
	}
	return 0;
}

/* Where the text stops to be dropped whose end is not in sight. With a line end
 * before it, the next one could be taken for the end of a block. */
static size_t before_line_ends(const char *text, size_t from, size_t len)
{
	while (len > from + 1 &&
		(text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	return len;
}

/*
 * The segment is full of a record that is too long. Its rest is taken out of
 * the pipe, but for its last byte, which ends it here. What it ends with
 * meanwhile is what was taken out last, so that whoever goes on after a kill
 * knows as much.
 */
static enum moved drop_rest(struct pump_source *s, int fd)
{
	/* Of format multiline, a line: what follows may be much. */
	enum split_format format =
		s->config->format == SPLIT_BLOCKS ? SPLIT_BLOCKS : SPLIT_LINES;
	char *text = s->pump->text;
	ssize_t known = spool_last(&s->spool, text), n = -1;
	size_t before = (size_t)known, end, to, last;

	if (known > 0)
		n = peek(s->pump, fd, before, PUMP_PEEK_BYTES);
	if (n <= 0)
		return moved(n);
	end = split_end(format, text, before + (size_t)n, before - 1);
	to = end ? end - 1 : before_line_ends(text, before, before + (size_t)n);
	last = to < SPLIT_CONTEXT ? to : SPLIT_CONTEXT;
	if (to > before &&
		(spool_replace_last(&s->spool, text + to - last, last) < 0 ||
			discard(s->pump, fd, to - before) < 0))
		return MOVE_FAILED;
	return end ? moved(spool_move(&s->spool, fd, 1)) : MOVED_SOME;
}

/* A record that is longer than it may be, and than there is room. */
static enum moved cut_record(struct pump_source *s, int fd)
{
	size_t room = spool_room(&s->spool);

	return room > 0 ? moved(spool_move(&s->spool, fd, room))
			: drop_rest(s, fd);
}

/*
 * There may be more in the pipe than fits: what is moved ends with a record,
 * and the next one is for the next segment.
 */
static enum moved move_to_boundary(struct pump_source *s, int fd)
{
	/* What ends a record by itself needs no more for that. */
	size_t room = spool_room(&s->spool), len = room + SPOOL_END_BYTES, end;
	ssize_t before = spool_last(&s->spool, s->pump->text), n;
	int ends;

	if (before < 0)
		return MOVE_FAILED;
	n = peek(s->pump, fd, (size_t)before,
		len < PUMP_PEEK_BYTES ? len : PUMP_PEEK_BYTES);
	if (n <= 0)
		return moved(n);
	end = split_last(s->config->format, s->pump->text, (size_t)(before + n),
		(size_t)before);
	if (end > 0)
		return moved(spool_move(&s->spool, fd, end - (size_t)before));
	if ((size_t)n <= room)
		return moved(spool_move(&s->spool, fd, (size_t)n));
	ends = spool_ends_record(&s->spool);
	if (ends < 0)
		return MOVE_FAILED;
	if (ends == 0 || s->spool.size == 0)
		return cut_record(s, fd);
	return spool_rotate(&s->spool) < 0 ? MOVE_FAILED : MOVED_SOME;
}

/* Has the record ended that was moved last? Of format multiline that is seen
 * when another comes. */
static bool has_ended(struct pump_source *s, int fd)
{
	if (spool_ends_record(&s->spool) != 1)
		return false;
	return s->config->format != SPLIT_MULTILINE ||
	       (peek(s->pump, fd, 0, 1) == 1 &&
		       !split_goes_on(s->pump->text[0]));
}

enum moved pump_move(struct pump_source *s, int fd)
{
	size_t room;
	int waiting;

	if (spool_is_full(&s->spool) && has_ended(s, fd) &&
		spool_rotate(&s->spool) < 0)
		return MOVE_FAILED;
	room = spool_free_room(&s->spool);
	if (ioctl(fd, FIONREAD, &waiting) < 0)
		return MOVE_FAILED;
	if ((size_t)waiting > room || room < PIPE_BUF)
		return move_to_boundary(s, fd);
	/* All that is there, and so no part of what was written at once. */
	return moved(spool_move(
		&s->spool, fd, waiting > 0 ? (size_t)waiting : PIPE_BUF));
}
