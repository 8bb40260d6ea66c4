-- Which way somebody came, the values before and after as JSON, and the contact that an entry is about.
alter table audit add column via text not null default 'dashboard';
alter table audit add column old_value text;
alter table audit add column new_value text;
alter table audit add column contact text;
create index audit_contact on audit (contact, workspace) where contact is not null;
create index audit_at on audit (at);
