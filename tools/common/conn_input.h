/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: How a connection reads
 *
 * The half of conn.c that takes bytes in; nobody else includes this.
 */
#ifndef COMMON_CONN_INPUT_H
#define COMMON_CONN_INPUT_H

#include "conn.h"

/* Starts receiving if that makes sense in the present state. */
void conn_read(struct conn *conn);
/* loop_done_fn of conn->recv. */
void conn_received(struct loop_op *op, int result, int buffer, bool more);
void conn_input_exit(struct conn *conn);

#endif /* COMMON_CONN_INPUT_H */
