-- What an operator types is the beginning of a recipient, contact or campaign, in any letter case.
drop index message_recipient;
drop index message_contact;
create index message_recipient on message (recipient collate "C", workspace);
create index message_contact on message (lower(contact) collate "C", workspace);
create index campaign_name on campaign (lower(name) collate "C");
create index idempotency_key on idempotency (key);

-- The values in messages' metadata of the paths that the settings name, as text.
create table message_metadata (
    path text not null,
    value text not null,
    id uuid not null,
    primary key (path, value, id)
);
create index message_metadata_id on message_metadata (id);
