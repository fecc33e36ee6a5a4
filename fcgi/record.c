#include "fcgi/record.h"

void record_put_header(unsigned char out[FCGI_HEADER_LEN], unsigned type,
	unsigned id, size_t content_bytes)
{
	out[0] = FCGI_VERSION_1;
	out[1] = (unsigned char)type;
	out[2] = (unsigned char)(id >> 8);
	out[3] = (unsigned char)id;
	out[4] = (unsigned char)(content_bytes >> 8);
	out[5] = (unsigned char)content_bytes;
	out[6] = 0; /* padding */
	out[7] = 0;
}

void record_put_end(unsigned char *out, unsigned id, uint32_t app_status,
	unsigned protocol_status)
{
	unsigned char *body = out + 2 * FCGI_HEADER_LEN;

	record_put_header(out, FCGI_STDOUT, id, 0);
	record_put_header(out + FCGI_HEADER_LEN, FCGI_END_REQUEST, id,
		sizeof(FCGI_EndRequestBody));
	body[0] = (unsigned char)(app_status >> 24);
	body[1] = (unsigned char)(app_status >> 16);
	body[2] = (unsigned char)(app_status >> 8);
	body[3] = (unsigned char)app_status;
	body[4] = (unsigned char)protocol_status;
	body[5] = 0;
	body[6] = 0;
	body[7] = 0;
}
