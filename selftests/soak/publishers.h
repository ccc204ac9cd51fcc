/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Publishers
 *
 * Children that publish: by single calls, in batches, by write(2) on the node; as
 * fast as they can or now and then; waiting for space or not. Each leaves, or is
 * killed, at some moment; some have wills then, some say goodbye.
 *
 * A publisher notes before each call how many records it is about to publish and
 * after it what became of them. So of one that was killed as many records may be
 * there beyond what it noted as its last call had (publisher.flight).
 */
#ifndef SOAK_PUBLISHERS_H
#define SOAK_PUBLISHERS_H

#include "books.h"

enum publisher_kind {
	PUBLISHER_SINGLE,
	PUBLISHER_BATCH,
	PUBLISHER_WRITER,
};

/* Most records of a batch. */
#define PUBLISHER_BATCH_MAX 32

/**
 * publisher_run() - publish until told to leave or the channel is no more
 * @child: whose
 * @life: joined
 * @node: the node, open for reading and writing
 * @dice: its luck
 */
void publisher_run(struct child *child, struct life *life, int node, struct dice *dice);

#endif /* SOAK_PUBLISHERS_H */
