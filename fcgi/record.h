/*
 * record: FastCGI records that go out (FastCGI 1.0, section 3.3), written by
 * ourselves: libfcgi cannot write to a descriptor that does not block.
 */
#ifndef SSETAIL_RECORD_H
#define SSETAIL_RECORD_H

#include <fastcgi.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_HEADER_BYTES FCGI_HEADER_LEN
#define RECORD_CONTENT_MAX  65535 /* bytes of content a record can hold */
#define RECORD_END_BYTES    (FCGI_HEADER_LEN + sizeof(FCGI_EndRequestRecord))

/* Writes the header of a record without padding: 8 bytes. */
void record_put_header(unsigned char out[FCGI_HEADER_LEN], unsigned type,
	unsigned id, size_t content_bytes);

/* Writes the empty FCGI_STDOUT record and FCGI_END_REQUEST (section 5.5):
 * RECORD_END_BYTES. */
void record_put_end(unsigned char *out, unsigned id, uint32_t app_status,
	unsigned protocol_status);

#endif
