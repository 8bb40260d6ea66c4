-- Why nothing of a message's content is there any more: 'erased' (its contact was), 'dropped' (its body is older than bodies are kept).
alter table message add column blank text;

-- How far a chore has come that goes through the results in the order in which they ended.
create table progress (
    chore text primary key,
    at integer not null,
    id text not null
) without rowid;
