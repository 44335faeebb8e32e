// SPDX-License-Identifier: BSD-3-Clause
/* One program, two roles: "hello serve" answers, "hello" asks. */
#include <stdio.h>
#include <string.h>

#include <mpipc.h>

static void answer(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	const struct mpipc_record *from = message->record;

	(void)arg;
	printf("%s from process %u: %.*s\n", from->name, from->pid, (int)from->size,
	       (const char *)message->data);
	if (from->type == MPIPC_REQUEST)
		mpipc_reply(self, from->call, 0, "hello, secondary", 16, NULL);
}

static int ask(struct mpipc *self)
{
	const struct mpipc_message *reply;
	struct mpipc_replies *replies;
	int count = mpipc_call(self, MPIPC_TO_PRIMARY, "greeting", "hello, primary", 14,
			       1000000000, NULL, &replies);

	if (count < 0)
		return count;
	reply = mpipc_replies_get(replies, 0);
	if (reply->record->status == 0)
		printf("answer: %.*s\n", (int)reply->record->size, (const char *)reply->data);
	count = reply->record->status;
	mpipc_replies_free(replies);
	return count;
}

int main(int argc, char **argv)
{
	struct mpipc_open_options options = { .size = sizeof(options), .handler = answer };
	int serve = argc > 1 && strcmp(argv[1], "serve") == 0;
	struct mpipc *self;
	int err = mpipc_open(&self, "hello", serve ? MPIPC_PRIMARY : MPIPC_SECONDARY, &options);

	if (err < 0)
		fprintf(stderr, "hello: %s\n", mpipc_open_hint(err));
	while (serve && err >= 0)
		err = mpipc_dispatch(self, MPIPC_WAIT_FOREVER);
	if (!serve && err >= 0)
		err = ask(self);
	mpipc_close(self);
	return err < 0;
}
