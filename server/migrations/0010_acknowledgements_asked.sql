-- The messages that ask to be acknowledged, few among many.
CREATE INDEX message_asks ON message (tenant, inbox_offset) WHERE requires_ack = 1;
