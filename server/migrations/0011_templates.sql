-- Quick replies, shared by a tenant.
CREATE TABLE template (
    tenant TEXT NOT NULL,
    template_id TEXT NOT NULL,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, template_id)
);
