-- What one side of a conversation hasn't read is counted in this index alone.

CREATE INDEX message_unread ON message (tenant, conversation_id, sender_role, seq);
