/*
 * diary: lines in the log about single clients, for whoever asks for them
 * (log_clients). A connection is named by its descriptor, which is what
 * belongs together of one process.
 *
 * What a client sent, and what a web server says about one, is in quotes,
 * escaped (log_escape), and cut.
 */
#ifndef SSETAIL_DIARY_H
#define SSETAIL_DIARY_H

#include "common/request.h"

/* `what` became of a request: "stream", or the status of its answer. */
void diary_request(int fd, const struct request *request, const char *what);

/* A stream has ended, from whichever side. */
void diary_end(int fd);

#endif
