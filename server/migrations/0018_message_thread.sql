-- A conversation's messages in their order, each with its sender's role: so what one side hasn't read is
-- counted in this index alone, which takes the place of two. That no `seq` is given twice follows from the
-- inbox, whose next place is taken with it.

CREATE UNIQUE INDEX message_thread ON message (tenant, conversation_id, seq, sender_role);
DROP INDEX message_unread;
DROP INDEX message_seq;
