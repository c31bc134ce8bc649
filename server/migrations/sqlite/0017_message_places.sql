-- A message that is stored beyond where its tenant's inbox stands takes the next place: it moves the
-- inbox, and its conversation, to its own. So one statement stores a message that comes alone. A
-- group's places are taken before it is written.
CREATE TRIGGER message_places AFTER INSERT ON message
WHEN new.inbox_offset > (SELECT head FROM inbox WHERE tenant = new.tenant) BEGIN
    UPDATE inbox SET head = new.inbox_offset WHERE tenant = new.tenant;
    INSERT INTO conversation (tenant, conversation_id, last_seq, driver_read_seq, dispatch_read_seq)
        VALUES (new.tenant, new.conversation_id, new.seq, 0, 0)
        ON CONFLICT (tenant, conversation_id) DO UPDATE SET last_seq = excluded.last_seq;
END;
