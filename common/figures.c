#include "common/figures.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/delivery.h"
#include "common/metrics.h"
#include "common/pump.h"

/* What all samples have in common, and where they go. */
struct sheet {
	struct buffer *out;
	const struct hub *hub;
	char pid[24];
	const char *name; /* of the metric that is being written */
};

static void begin(struct sheet *s, const char *name, enum metrics_type type,
	const char *help)
{
	s->name = name;
	metrics_begin(s->out, name, type, help);
}

static void add_with(const struct sheet *s, const char *name, const char *value,
	uint64_t figure)
{
	const struct metrics_label labels[] = {
		{ "pid", s->pid },
		{ name, value },
	};

	metrics_add(s->out, s->name, labels, name ? 2 : 1, figure);
}

static void add(const struct sheet *s, uint64_t figure)
{
	add_with(s, NULL, NULL, figure);
}

/* ---- of the process */

static void add_process(struct sheet *s, const struct figures *f)
{
	begin(s, "ssetail_build_info", METRICS_GAUGE,
		"Always 1: the version is in its label.");
	add_with(s, "version", SSETAIL_VERSION, 1);
	begin(s, "ssetail_process_start_time_seconds", METRICS_GAUGE,
		"When the process started, in seconds since 1970.");
	add(s, (uint64_t)f->started);
	begin(s, "ssetail_clients", METRICS_GAUGE,
		"Connections that are open, with the one that asks this.");
	add(s, f->clients);
	begin(s, "ssetail_connects_total", METRICS_COUNTER,
		"Connections that were taken.");
	add(s, f->connects);
	begin(s, "ssetail_streams", METRICS_GAUGE,
		"Streams that are open, each once, whatever its sources.");
	add(s, f->streams);
	begin(s, "ssetail_streams_max", METRICS_GAUGE,
		"Streams that may be open: max_clients, or fewer for want of "
		"descriptors.");
	add(s, f->streams_max);
	begin(s, "ssetail_busy_total", METRICS_COUNTER,
		"Clients that were told to come back later, by the limit.");
	add_with(s, "reason", "clients", f->busy_clients);
	add_with(s, "reason", "address", f->busy_address);
	begin(s, "ssetail_reloads_total", METRICS_COUNTER,
		"Configurations that were taken while it ran.");
	add(s, f->reloads);
	begin(s, "ssetail_reload_failures_total", METRICS_COUNTER,
		"Configurations that had a fault, so that nothing changed.");
	add(s, f->reload_failures);
	begin(s, "ssetail_wakeups_total", METRICS_COUNTER,
		"Times that the process was woken by something to do.");
	add(s, f->wakeups);
}

/* ---- of the sources */

/* What is asked of all sources at once: the followers are gone through, and
 * the pump is asked, a single time. */
struct reading {
	const struct source *source;
	struct feed_lag lag;
	struct pump_figures pipe;
};

static bool is_log(const struct reading *r)
{
	return source_has_feed(r->source);
}

static bool has_pipe(const struct reading *r)
{
	return is_log(r) && r->source->feed.pipe;
}

static bool is_of_any(const struct reading *r)
{
	(void)r;
	return true;
}

/* Nobody else knows what is kept of a pipe. */
static bool reads_pipe(const struct reading *r)
{
	return has_pipe(r) && r->pipe.is_ours;
}

static uint64_t clients(const struct reading *r)
{
	return r->source->clients;
}

static uint64_t streams(const struct reading *r)
{
	return r->source->streams;
}

static uint64_t records(const struct reading *r)
{
	return r->source->delivered.records;
}

static uint64_t bytes(const struct reading *r)
{
	return r->source->delivered.bytes;
}

static uint64_t laggards(const struct reading *r)
{
	return r->lag.laggards;
}

static uint64_t lag_bytes(const struct reading *r)
{
	return r->lag.bytes;
}

static uint64_t rotations(const struct reading *r)
{
	return r->source->feed.rotations;
}

static uint64_t is_waiting(const struct reading *r)
{
	return r->source->feed.is_open && r->source->feed.is_waiting;
}

static uint64_t pumps(const struct reading *r)
{
	return r->pipe.is_ours;
}

static uint64_t spool_bytes(const struct reading *r)
{
	return r->pipe.kept_bytes;
}

static uint64_t spool_size(const struct reading *r)
{
	return r->source->config->spool_bytes;
}

static const struct {
	const char *name;
	enum metrics_type type;
	const char *help;
	bool (*has)(const struct reading *r);
	uint64_t (*figure)(const struct reading *r);
} of_sources[] = {
	{ "ssetail_source_clients", METRICS_GAUGE,
		"Streams of the source that are open.", is_of_any, clients },
	{ "ssetail_source_streams_total", METRICS_COUNTER,
		"Streams of the source that were opened.", is_of_any, streams },
	{ "ssetail_source_deliveries_total", METRICS_COUNTER,
		"Records that were sent, counted once for each client.",
		is_of_any, records },
	{ "ssetail_source_delivered_bytes_total", METRICS_COUNTER,
		"Bytes of events that were sent, to all clients.", is_of_any,
		bytes },
	{ "ssetail_source_laggards", METRICS_GAUGE,
		"Clients that have not been sent all that is in the log.",
		is_log, laggards },
	{ "ssetail_source_lag_bytes", METRICS_GAUGE,
		"Bytes of the log that the slowest client has yet to be sent.",
		is_log, lag_bytes },
	{ "ssetail_source_rotations_total", METRICS_COUNTER,
		"Times that another file took the place of the log.", is_log,
		rotations },
	{ "ssetail_source_waiting", METRICS_GAUGE,
		"1 while the source has clients and cannot be read.", is_log,
		is_waiting },
	{ "ssetail_spool_pump", METRICS_GAUGE,
		"1 in the process that reads the pipe.", has_pipe, pumps },
	{ "ssetail_spool_bytes", METRICS_GAUGE,
		"Bytes that are kept of what came through the pipe.",
		reads_pipe, spool_bytes },
	{ "ssetail_spool_size_bytes", METRICS_GAUGE,
		"Bytes that may be kept of it: spool_size.", has_pipe,
		spool_size },
};

static void add_gaps(
	struct sheet *s, const struct reading *readings, size_t count)
{
	begin(s, "ssetail_source_gaps_total", METRICS_COUNTER,
		"Gaps that were sent, counted once for each client.");
	for (size_t i = 0; i < count; i++) {
		const struct source *source = readings[i].source;

		if (!source_has_feed(source))
			continue;
		for (int reason = 0; reason < GAP_REASONS; reason++) {
			const struct metrics_label labels[] = {
				{ "pid", s->pid },
				{ "source", source->config->name },
				{ "reason", encode_gap_name(
						    (enum gap_reason)reason) },
			};

			metrics_add(s->out, s->name, labels, 3,
				source->delivered.gaps[reason]);
		}
	}
}

static void read_source(struct reading *r, const struct source *source)
{
	*r = (struct reading){ .source = source };
	if (is_log(r))
		r->lag = feed_measure(&source->feed);
	if (has_pipe(r))
		r->pipe = pump_measure(source->feed.pipe);
}

static bool anybody_has(bool (*has)(const struct reading *r),
	const struct reading *readings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has(&readings[i]))
			return true;
	return false;
}

static void add_sources(
	struct sheet *s, const struct reading *readings, size_t count)
{
	for (size_t m = 0; m < sizeof(of_sources) / sizeof(*of_sources); m++) {
		if (!anybody_has(of_sources[m].has, readings, count))
			continue;
		begin(s, of_sources[m].name, of_sources[m].type,
			of_sources[m].help);
		for (size_t i = 0; i < count; i++)
			if (of_sources[m].has(&readings[i]))
				add_with(s, "source",
					readings[i].source->config->name,
					of_sources[m].figure(&readings[i]));
	}
	if (anybody_has(is_log, readings, count))
		add_gaps(s, readings, count);
}

void figures_add(
	struct buffer *b, const struct figures *figures, const struct hub *hub)
{
	struct reading *readings = calloc(hub->source_count, sizeof(*readings));
	struct sheet s = { .out = b, .hub = hub };

	if (!readings) {
		b->failed = true;
		return;
	}
	snprintf(s.pid, sizeof(s.pid), "%ld", (long)figures->pid);
	for (size_t i = 0; i < hub->source_count; i++)
		read_source(&readings[i], hub->sources[i]);
	add_process(&s, figures);
	add_sources(&s, readings, hub->source_count);
	free(readings);
}
