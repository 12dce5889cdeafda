/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "analyze/engine/pool.h"

struct kt_pool {
	pthread_mutex_t lock;
	pthread_cond_t wanted, done;
	struct kt_job *head, **tail;
	bool stop;
	unsigned int n_threads;
	pthread_t threads[];
};

static void *worker(void *arg)
{
	struct kt_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct kt_job *job;

		while (!p->head && !p->stop)
			pthread_cond_wait(&p->wanted, &p->lock);
		if (p->stop)
			break;
		job = p->head;
		p->head = job->next;
		if (!p->head)
			p->tail = &p->head;
		pthread_mutex_unlock(&p->lock);
		job->fn(job);
		pthread_mutex_lock(&p->lock);
		job->done = true;
		pthread_cond_broadcast(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int kt_pool_create(unsigned int n_threads, struct kt_pool **ret)
{
	struct kt_pool *p = calloc(1, sizeof(*p) + n_threads * sizeof(p->threads[0]));

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wanted, NULL);
	pthread_cond_init(&p->done, NULL);
	p->tail = &p->head;
	for (; p->n_threads < n_threads; p->n_threads++) {
		int err = pthread_create(&p->threads[p->n_threads], NULL, worker, p);

		if (err && !p->n_threads) {
			kt_pool_destroy(p);
			return -err;
		}
		if (err) /* fewer will do */
			break;
	}
	*ret = p;
	return 0;
}

void kt_pool_destroy(struct kt_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wanted);
	pthread_mutex_unlock(&p->lock);
	for (unsigned int i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wanted);
	pthread_cond_destroy(&p->done);
	free(p);
}

void kt_pool_submit(struct kt_pool *p, struct kt_job *job)
{
	job->next = NULL;
	job->done = false;
	if (!p) {
		job->fn(job);
		job->done = true;
		return;
	}
	pthread_mutex_lock(&p->lock);
	*p->tail = job;
	p->tail = &job->next;
	pthread_cond_signal(&p->wanted);
	pthread_mutex_unlock(&p->lock);
}

void kt_pool_wait(struct kt_pool *p, struct kt_job *job)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	while (!job->done)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}
