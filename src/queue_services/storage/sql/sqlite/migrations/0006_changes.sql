-- The order of the change feed is seq itself: there is one writer, so that numbers commit in the order in which they are taken.
select 1;
