-- Limits as they were changed, so that what was sent is held against the limit of then. Without a workspace it is the whole service's; a rate of null is the
-- service's for a lane, and not known for the service.
create table limit_change (
    workspace text not null,
    channel text not null,
    at bigint not null,
    from_rate double precision,
    to_rate double precision
);
create index limit_change_at on limit_change (at);

-- Few campaigns are ever cancelled; their messages that are not ended yet are looked for at every count.
create index campaign_cancelled on campaign (id) where cancel_epoch > 0;
