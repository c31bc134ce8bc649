-- When a user's positions moved. Of those from before nothing is known but that it was after the
-- message was sent.

ALTER TABLE receipt ADD COLUMN delivered_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE receipt ADD COLUMN read_at BIGINT NOT NULL DEFAULT 0;
UPDATE receipt SET
    delivered_at = COALESCE((SELECT m.sent_at FROM message m WHERE m.tenant = receipt.tenant
        AND m.conversation_id = receipt.conversation_id AND m.seq = receipt.delivered_seq), 0),
    read_at = COALESCE((SELECT m.sent_at FROM message m WHERE m.tenant = receipt.tenant
        AND m.conversation_id = receipt.conversation_id AND m.seq = receipt.read_seq), 0);
