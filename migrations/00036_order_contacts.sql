-- By what the contact of an order is found: MACs of its email address and phone number, under a key that the database does
-- not have. A view: it is made from the sealed personal sections, and rows go when the key of a customer is destroyed.
CREATE TABLE orderloom.order_contacts (
    order_id     uuid  NOT NULL PRIMARY KEY,
    -- The key of the section that the row is made from, "<subject>:<generation>".
    personal_key text  NOT NULL,
    -- The id of the key of the MACs; NULL where the section could not be opened, and so is not indexed.
    index_key    text,
    email        bytea,
    phone        bytea
);

CREATE INDEX order_contacts_email ON orderloom.order_contacts (email) WHERE email IS NOT NULL;
CREATE INDEX order_contacts_phone ON orderloom.order_contacts (phone) WHERE phone IS NOT NULL;
CREATE INDEX order_contacts_personal_key ON orderloom.order_contacts (personal_key);
CREATE INDEX order_contacts_unindexed ON orderloom.order_contacts (order_id) WHERE index_key IS NULL;
