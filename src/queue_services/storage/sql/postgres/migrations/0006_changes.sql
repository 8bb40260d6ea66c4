-- The order of the change feed: a transaction that commits late has a lower seq than changes that are already read, but never an xid below the snapshot's xmin.
drop index result_seq;
create unique index result_change on result (xid, seq);
