-- Which database this is: servers that share a Redis must share it, too. One row.

CREATE TABLE database_identity (
    one BIGINT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL
);
