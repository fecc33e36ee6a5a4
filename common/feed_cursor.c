/* Places: where a cursor is, and the ids that say so. */
#include "common/feed_inside.h"

#include <string.h>

#include "common/block.h"
#include "common/spool.h"

/* ---- ids */

size_t feed_id_length(const struct cursor *c)
{
	char text[PLACE_TEXT_MAX];
	size_t len = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		struct place p = { .offset = c->places[i].offset };

		len += place_format(text, &p) + (i > 0);
	}
	return len;
}

void feed_trim(struct cursor *c, size_t budget)
{
	while (c->count > 1 && feed_id_length(c) > budget)
		cursor_remove(c, 0);
}

void feed_add_id(
	const struct feed *f, const struct cursor *c, struct buffer *out)
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct cursor_place *at = &c->places[i];
		struct place p = { .source = f->tag };
		char *to = buffer_reserve(out, PLACE_TEXT_MAX + 1);

		if (!to)
			return;
		p.file = at->tag;
		p.check = at->check;
		p.offset = at->offset;
		if (i > 0)
			buffer_add_byte(out, '-');
		out->len += place_format(out->data + out->len, &p);
	}
}

void feed_add_tail(const struct feed *f, const struct feed_view *view,
	const char *event, const struct cursor *c, struct buffer *out)
{
	if (event) {
		buffer_add_string(out, "event: ");
		buffer_add_string(out, event);
		buffer_add_byte(out, '\n');
	}
	/* An end is there in any case: the reader keeps the writer's id, and a
	 * blank line alone tells it nothing. */
	if (!feed_has_writer_ids(f)) {
		buffer_add_string(out, "id: ");
		buffer_add_string(out, view->before);
		feed_add_id(f, c, out);
		buffer_add_string(out, view->after);
		buffer_add_byte(out, '\n');
	}
	buffer_add_byte(out, '\n');
}

bool feed_add_record(
	const struct feed *f, const struct record *r, struct buffer *out)
{
	struct block block;
	const char *id;
	size_t id_len;

	if (!r->data)
		return false;
	if (f->config->format != SPLIT_BLOCKS) {
		encode_data(out, r->data, r->data_len);
		return true;
	}
	block_encode(out, r->data, r->data_len, &block);
	id_len = feed_writer_id(f, r, &id);
	if (id) {
		buffer_add_string(out, "id: ");
		buffer_add(out, id, id_len);
		buffer_add_byte(out, '\n');
	}
	return block.is_event && !block.has_type;
}

/* A block can only be left unfinished by a writer who has gone on in the file
 * after it; or a segment was damaged, which ends with a whole one. */
enum gap_reason feed_gap_in(const struct feed *f, const struct record *r)
{
	if (!r->is_unfinished)
		return GAP_OVERLONG;
	return f->pipe ? GAP_SPOOL : GAP_ROTATED;
}

int64_t feed_gap_bytes(const struct feed *f, const struct record *r)
{
	size_t segment = f->config->spool_bytes / SPOOL_SEGMENTS;

	return f->pipe && r->end + SPOOL_END_BYTES >= segment
		       ? -1
		       : (int64_t)r->dropped;
}

const char *feed_notice_event(unsigned notice)
{
	switch (notice) {
	case CURSOR_GAP:
		return "gap";
	case CURSOR_WAITING:
		return "waiting";
	default:
		return NULL;
	}
}

void feed_add_notice_data(const struct feed *f, unsigned notice,
	unsigned reason, int64_t bytes, struct buffer *out)
{
	if (notice == CURSOR_GAP)
		encode_gap_data(
			out, f->config->name, (enum gap_reason)reason, bytes);
	else if (notice == CURSOR_WAITING)
		encode_waiting_data(
			out, f->config->name, (enum waiting_reason)reason);
}

enum gap_reason feed_gap_of(const struct feed *f, enum chain_reason reason)
{
	/* Nobody rotates and deletes there but its cap. */
	if (f->pipe && (reason == CHAIN_ROTATED || reason == CHAIN_DELETED))
		return GAP_SPOOL;
	switch (reason) {
	case CHAIN_ROTATED:
		return GAP_ROTATED;
	case CHAIN_TRUNCATED:
		return GAP_TRUNCATED;
	case CHAIN_DELETED:
		return GAP_DELETED;
	case CHAIN_COMPRESSED:
		return GAP_COMPRESSED;
	default:
		return GAP_UNKNOWN_ID;
	}
}

/* ---- places */

/* There is no content yet that a check could cover: it names the generation
 * before, see chain_resolve. */
struct cursor_place feed_place_at_start(
	const struct feed *f, const struct file *file)
{
	return (struct cursor_place){
		.file = file->serial,
		.tag = file->tag,
		.check = place_start_check(
			file->tag, chain_before(&f->chain, file)),
	};
}

int feed_check_place(
	const struct feed *f, const struct file *file, struct cursor_place *at)
{
	if (at->offset > 0)
		return file_check(file, at->offset, &at->check);
	at->check = place_start_check(file->tag, chain_before(&f->chain, file));
	return 0;
}

void feed_set_gap(struct cursor *c, enum gap_reason reason, int64_t bytes)
{
	c->notice = CURSOR_GAP;
	c->reason = (uint32_t)reason;
	c->bytes = bytes;
}

void feed_clear_notice(struct cursor *c)
{
	c->notice = CURSOR_NO_NOTICE;
	c->reason = 0;
	c->bytes = 0;
}

/*
 * What is missing of a spool between the last place and `file`, which follows
 * it, is a gap: where a segment begins says how much that is.
 */
static void tell_missing_before(
	const struct feed *f, struct cursor *c, const struct file *file)
{
	const struct cursor_place *last = &c->places[c->count - 1];
	const struct file *before = chain_find(&f->chain, last->file);
	const struct chain_loss *loss = chain_lost(&f->chain, last->file);
	uint64_t from = 0;

	if (before)
		from = before->base + before->size;
	else if (loss)
		from = loss->base + last->offset;
	else if (last->tag)
		feed_set_gap(c, GAP_SPOOL, -1);
	if ((before || loss) && from < file->base)
		feed_set_gap(c, GAP_SPOOL, (int64_t)(file->base - from));
}

/* What was lost between the last place and `file` is a gap. */
static void tell_losses_before(
	const struct feed *f, struct cursor *c, const struct file *file)
{
	const struct chain_loss *loss = NULL;

	if (c->count && f->pipe) {
		tell_missing_before(f, c, file);
		return;
	}
	if (c->count)
		loss = chain_lost_between(
			&f->chain, c->places[c->count - 1].file, file->serial);
	if (loss)
		feed_set_gap(c, feed_gap_of(f, loss->reason), -1);
}

void feed_enter(const struct feed *f, struct cursor *c, const struct file *file)
{
	tell_losses_before(f, c, file);
	cursor_add(c, feed_place_at_start(f, file));
}

void feed_enter_instead(
	const struct feed *f, struct cursor *c, const struct file *file)
{
	tell_losses_before(f, c, file);
	c->places[c->count - 1] = feed_place_at_start(f, file);
}

uint64_t feed_limit_in(const struct feed *f, const struct cursor *until,
	const struct file *file)
{
	const struct cursor_place *at = NULL;

	if (until && file->serial > until->places[until->count - 1].file)
		return 0;
	if (until)
		at = cursor_look(until, file->serial);
	if (!at)
		at = cursor_look(&f->head, file->serial);
	return at ? at->offset : file->size;
}

/* Bytes that a reader at `c` has yet to read to be where the head is. */
static uint64_t lag(const struct feed *f, const struct cursor *c)
{
	uint32_t last = c->count ? c->places[c->count - 1].file : 0;
	uint64_t bytes = 0;

	for (size_t i = 0; i < f->chain.count; i++) {
		const struct file *file = f->chain.files[i];
		const struct cursor_place *at = cursor_look(c, file->serial);
		uint64_t from = at ? at->offset : 0;
		uint64_t to = feed_limit_in(f, NULL, file);

		/* Of what it stands behind it has had all. */
		if ((at || file->serial > last) && to > from)
			bytes += to - from;
	}
	return bytes;
}

struct feed_lag feed_measure(const struct feed *f)
{
	struct feed_lag all = { 0 };

	for (const struct follower *one = f->followers.next;
		one != &f->followers; one = one->next) {
		uint64_t bytes;

		if (one->until || one->cursor.ring == f->ring.head)
			continue;
		all.laggards++;
		bytes = lag(f, &one->cursor);
		if (bytes > all.bytes)
			all.bytes = bytes;
	}
	return all;
}

void feed_settle(const struct feed *f, struct cursor *c)
{
	for (uint32_t i = 0; i < c->count;) {
		uint32_t serial = c->places[i].file;
		uint64_t offset = c->places[i].offset;
		const struct chain_loss *loss;
		const struct file *next;

		if (chain_find(&f->chain, serial)) {
			i++;
			continue;
		}
		loss = chain_lost(&f->chain, serial);
		if (loss)
			feed_set_gap(c, feed_gap_of(f, loss->reason),
				loss->size > offset
					? (int64_t)(loss->size - offset)
					: -1);
		/* The last place stays until there is one to follow it. */
		next = chain_after(&f->chain, serial);
		if (i + 1 < c->count)
			cursor_remove(c, i);
		else if (next)
			feed_enter_instead(f, c, next);
		else
			return;
	}
}
