-- Who is logged in to the dashboard, by the SHA-256 of their cookie. `proof` is the password or key of the settings they came with, hashed with the cookie.
create table session (
    id text primary key,
    digest text not null unique,
    kind text not null,
    name text not null,
    workspace text,
    key_id text,
    proof text not null,
    address text not null,
    created_at bigint not null,
    expires_at bigint not null,
    recipients_until bigint not null default 0
);
create index session_expiry on session (expires_at);

-- Cookies were signed with it: whoever had a copy of the store could make one.
drop table dashboard_secret;
