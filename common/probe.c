#include "common/probe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "common/cold.h"
#include "common/program.h"

/* How long an answer counts: for a turn of the loop. A server that goes away
 * just then is what this cannot help. */
#define FRESH_MS 5

struct probe {
	pthread_mutex_t lock;
	pthread_cond_t work;
	char *path;
	bool is_asked;	   /* a try is due, or under way */
	bool is_done;	   /* with it: probe_free was called */
	bool has_answered; /* at least once */
	int64_t asked_ms;
	int64_t answered_ms;
};

static void release(struct probe *p)
{
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->work);
	free(p->path);
	free(p);
}

/* statfs is not answered from a cache: NFS asks the server each time. */
static void touch(const char *path)
{
	char *folder, *slash;
	struct statfs fs;

	if (statfs(path, &fs) == 0)
		return;
	folder = strdup(path);
	slash = folder ? strrchr(folder, '/') : NULL;
	if (slash) {
		slash[slash == folder] = '\0';
		(void)!statfs(folder, &fs);
	}
	free(folder);
}

static void *try(void *context)
{
	struct probe *p = context;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->is_asked && !p->is_done)
			pthread_cond_wait(&p->work, &p->lock);
		if (p->is_done)
			break;
		pthread_mutex_unlock(&p->lock);
		touch(p->path);
		pthread_mutex_lock(&p->lock);
		p->is_asked = false;
		p->has_answered = true;
		p->answered_ms = program_now_ms();
		if (!p->is_done)
			cold_wake();
	}
	pthread_mutex_unlock(&p->lock);
	release(p);
	return NULL;
}

struct probe *probe_new(const char *path)
{
	struct probe *p = calloc(1, sizeof(*p));
	sigset_t all, before;
	pthread_t thread;
	int error;

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	p->path = strdup(path);
	/* Signals are for the loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = p->path ? pthread_create(&thread, NULL, try, p) : ENOMEM;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		release(p);
		errno = error;
		return NULL;
	}
	pthread_detach(thread);
	return p;
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_done = true;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

bool probe_passes(struct probe *p)
{
	int64_t now_ms = program_now_ms();
	bool passes;

	pthread_mutex_lock(&p->lock);
	passes = !p->is_asked && p->has_answered &&
		 now_ms - p->answered_ms <= FRESH_MS;
	if (!passes && !p->is_asked) {
		p->is_asked = true;
		p->asked_ms = now_ms;
		pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
	return passes;
}

bool probe_hangs(struct probe *p)
{
	bool hangs;

	pthread_mutex_lock(&p->lock);
	hangs = p->is_asked && program_now_ms() - p->asked_ms >= PROBE_HANGS_MS;
	pthread_mutex_unlock(&p->lock);
	return hangs;
}
