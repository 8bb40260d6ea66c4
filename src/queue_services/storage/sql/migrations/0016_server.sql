-- The PostgreSQL server that the store is on: its system and the highest timeline seen. `former` is the system whose place it was accepted to take.
create table server (
    id integer primary key,
    system text not null,
    timeline bigint not null,
    former text
);

-- Rewritten by the check whether the store can be written; as large as half a page, so that a full disk shows.
create table write_probe (
    id integer primary key,
    filler text not null
);
