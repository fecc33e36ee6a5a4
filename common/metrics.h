/*
 * metrics: figures in Prometheus' text-based exposition format, version 0.0.4.
 * Bytes to bytes: it knows neither what is counted nor who asks.
 *
 *	# HELP ssetail_clients Connections that are open.	metrics_begin
 *	# TYPE ssetail_clients gauge
 *	ssetail_clients{pid="4711"} 3				metrics_add
 *
 * All samples of a metric follow its metrics_begin. Names of metrics and of
 * labels are ours, and as the format wants them; texts may hold anything.
 *
 * Everything is appended; what runs out of memory sets `failed` (buffer.h).
 */
#ifndef SSETAIL_METRICS_H
#define SSETAIL_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A counter only grows while the process lives, and is named _total. */
enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };

struct metrics_label {
	const char *name;
	const char *value;
};

/* What the metric of that name means, in a sentence, and its type. */
void metrics_begin(struct buffer *b, const char *name, enum metrics_type type,
	const char *help);

/* A sample of it: one for each set of labels. */
void metrics_add(struct buffer *b, const char *name,
	const struct metrics_label *labels, size_t count, uint64_t value);

#endif
