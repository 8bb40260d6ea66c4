-- What encrypts the cursors of the change feed that workspaces' keys are given: they would tell how much others send.
create table feed_secret (
    one smallint primary key check (one = 1),
    secret text not null
);
