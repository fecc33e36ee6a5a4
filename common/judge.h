/*
 * judge: why events arrive late. From what was measured through a web server
 * (measurement.h) it says what is wrong, and never by the name of that server:
 * what to do about it, cure.h says.
 *
 * A machine that is busy must not be taken for a fault. What is held back is
 * told by how many bytes had been sent when the first of them arrived: a buffer
 * holds back the same in each try, a machine that was busy does not, and the
 * best of three counts. Clocks are never compared, only intervals of each.
 */
#ifndef SSETAIL_JUDGE_H
#define SSETAIL_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/measurement.h"

enum cause {
	CAUSE_REFUSED,	   /* a stream is not answered by 200; ms: the status */
	CAUSE_INCREMENTAL, /* by 501, because of Incremental: ?1 */
	CAUSE_TYPE,	   /* another Content-Type */
	CAUSE_LIMIT,	   /* ssetail itself has no room */
	CAUSE_WHOLE,	   /* the whole response is held back */
	CAUSE_COMPRESSION, /* it is, by who compresses it */
	CAUSE_BUFFER,	   /* so many bytes of it are */
	CAUSE_DELAY,	   /* events are, for so many ms */
	CAUSE_IDLE_CUT,	   /* cut when nothing came for so many ms */
	CAUSE_AGE_CUT,	   /* cut after so many ms, whatever came */
	CAUSE_SHORTAGE,	   /* so many streams at once, and others wait */
	CAUSE_CONNECTIONS, /* the browser itself has so many left */
	CAUSE_RESUME,	   /* Last-Event-ID gets lost */
	CAUSE_CACHE,	   /* a cache answers, or was given leave to */
	CAUSE_PROXY	   /* there is a proxy in between, and one of the above
			    * may be its doing */
};

enum { CAUSES = CAUSE_PROXY + 1 };

struct finding {
	enum cause cause;
	uint32_t number; /* as said above; 0 where nothing is */
};

enum verdict_word {
	VERDICT_WELL,
	VERDICT_WRONG,
	VERDICT_UNSURE, /* the tries contradict each other */
	VERDICT_NOTHING /* was measured */
};

struct verdict {
	enum verdict_word word;
	size_t count;
	struct finding findings[CAUSES];

	/* What was seen, whatever is wrong. */
	bool is_held;	     /* events are: how late they are means nothing */
	uint32_t late_ms;    /* half of the events came less late than this */
	uint32_t open_count; /* streams at once, of... */
	uint32_t open_tried; /* ...so many; 0: not tried */
	bool has_proxy;
};

/* What the program knows of itself. */
struct deployment {
	unsigned heartbeat_s;
	bool is_forwarded;   /* requests name a proxy that they came by */
	bool is_same_server; /* the Server of the response is who runs us, or
			      * names nobody that is known */
};

void judge(struct verdict *v, const struct measurement *m,
	const struct deployment *d);

#endif
