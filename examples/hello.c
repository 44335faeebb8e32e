// SPDX-License-Identifier: BSD-3-Clause
/* This program has both roles: "hello serve" is the primary and replies, "hello" asks. */
#include <stdio.h>
#include <mpipc.h>

static void handle(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	(void)arg;
	printf("%s from process %u\n", message->record->name, message->record->pid);
	if (message->record->type == MPIPC_REQUEST)
		mpipc_reply(self, message->record->call, 0, "hello, secondary", 16, NULL);
}

static int ask(struct mpipc *self)
{
	const struct mpipc_message *reply;
	struct mpipc_replies *replies;
	int err = mpipc_call(self, MPIPC_TO_PRIMARY, "greeting", "hello, primary", 14,
			     1000000000, NULL, &replies);

	if (err < 0)
		return err;
	reply = mpipc_replies_get(replies, 0);
	err = reply->record->status;
	printf("reply: %.*s\n", (int)reply->record->size, (const char *)reply->data);
	mpipc_replies_free(replies);
	return err;
}

int main(int argc, char **argv)
{
	struct mpipc_open_options options = { .size = sizeof(options), .handler = handle };
	int serve = argc > 1 && argv[1][0] == 's';
	struct mpipc *self;
	int err = mpipc_open(&self, "hello", serve ? MPIPC_PRIMARY : MPIPC_SECONDARY, &options);

	/* Show each line at once, even when the output goes to a pipe. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (err < 0)
		fprintf(stderr, "hello: %s\n", mpipc_open_hint(err));
	else if (!serve)
		err = ask(self);
	while (serve && err >= 0)
		err = mpipc_dispatch(self, MPIPC_WAIT_FOREVER);
	mpipc_close(self);
	return err < 0 ? 1 : 0;
}
