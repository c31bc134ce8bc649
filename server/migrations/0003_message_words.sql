-- A message's words, folded, with a space between two; NULL until they are found, which the server
-- does in the background for messages that an older one stored.

ALTER TABLE message ADD COLUMN words TEXT;
CREATE INDEX message_without_words ON message (tenant, inbox_offset) WHERE words IS NULL;
