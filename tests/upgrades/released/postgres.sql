--
-- PostgreSQL database dump
--


-- Dumped from database version 18.6
-- Dumped by pg_dump version 18.6

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: adjustment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.adjustment (
    workspace text NOT NULL,
    channel text NOT NULL,
    at bigint NOT NULL,
    from_rate double precision NOT NULL,
    to_rate double precision NOT NULL,
    reason text NOT NULL
);


--
-- Name: api_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_key (
    id uuid NOT NULL,
    digest text NOT NULL,
    workspace text,
    scopes text NOT NULL,
    per_minute integer,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint
);


--
-- Name: attempt; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.attempt (
    id uuid NOT NULL,
    number integer NOT NULL,
    outcome text NOT NULL,
    started_at bigint NOT NULL,
    duration bigint NOT NULL,
    status_code integer,
    error text
);


--
-- Name: audit; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit (
    id bigint NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    workspace text,
    action text NOT NULL,
    subject text NOT NULL,
    detail text,
    outcome text
);


--
-- Name: audit_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: baseline; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.baseline (
    workspace text NOT NULL,
    channel text NOT NULL,
    at bigint NOT NULL
);


--
-- Name: campaign; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.campaign (
    id bigint NOT NULL,
    workspace text NOT NULL,
    name text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    resume_to text DEFAULT 'active'::text NOT NULL,
    epoch integer DEFAULT 0 NOT NULL,
    cancel_epoch integer DEFAULT 0 NOT NULL,
    cancelled_at bigint,
    shift bigint DEFAULT 0 NOT NULL,
    busy smallint DEFAULT 0 NOT NULL
);


--
-- Name: campaign_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.campaign ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.campaign_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: change_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.change_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: dashboard_secret; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dashboard_secret (
    one smallint NOT NULL,
    secret text NOT NULL,
    CONSTRAINT dashboard_secret_one_check CHECK ((one = 1))
);


--
-- Name: dispatcher; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dispatcher (
    id bigint NOT NULL,
    name text NOT NULL,
    started_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    claimed bigint DEFAULT 0 NOT NULL,
    lag bigint DEFAULT 0 NOT NULL
);


--
-- Name: dispatcher_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.dispatcher ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dispatcher_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.event (
    seq bigint NOT NULL,
    id uuid NOT NULL,
    route text NOT NULL,
    workspace text NOT NULL,
    channel text,
    type text NOT NULL,
    job uuid,
    payload text NOT NULL,
    created_at bigint NOT NULL,
    visible_at bigint NOT NULL,
    claimed_by bigint,
    claim integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');


--
-- Name: event_route; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.event_route (
    workspace text NOT NULL,
    enabled smallint NOT NULL,
    held_until bigint DEFAULT 0 NOT NULL,
    hold_reason text,
    hold_step integer DEFAULT 0 NOT NULL,
    refusals integer DEFAULT 0 NOT NULL,
    hold_set_at bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');


--
-- Name: event_seq_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.event ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: event_told; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.event_told (
    workspace text NOT NULL,
    subject text NOT NULL,
    at bigint NOT NULL
)
WITH (fillfactor='70');


--
-- Name: exceedance; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.exceedance (
    workspace text NOT NULL,
    channel text NOT NULL,
    at bigint NOT NULL,
    batch_size integer NOT NULL,
    message text NOT NULL,
    kind text NOT NULL,
    waits_until bigint
);


--
-- Name: figure; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.figure (
    workspace text NOT NULL,
    channel text NOT NULL,
    since bigint NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    exceeded bigint DEFAULT 0 NOT NULL,
    batches bigint DEFAULT 0 NOT NULL,
    batch_time bigint DEFAULT 0 NOT NULL,
    minute bigint DEFAULT 0 NOT NULL,
    ended bigint DEFAULT 0 NOT NULL,
    first_at bigint,
    last_at bigint
);


--
-- Name: histogram; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.histogram (
    kind text NOT NULL,
    channel text NOT NULL,
    minute bigint NOT NULL,
    writer text NOT NULL,
    sum bigint DEFAULT 0 NOT NULL,
    c0 bigint DEFAULT 0 NOT NULL,
    c1 bigint DEFAULT 0 NOT NULL,
    c2 bigint DEFAULT 0 NOT NULL,
    c3 bigint DEFAULT 0 NOT NULL,
    c4 bigint DEFAULT 0 NOT NULL,
    c5 bigint DEFAULT 0 NOT NULL,
    c6 bigint DEFAULT 0 NOT NULL,
    c7 bigint DEFAULT 0 NOT NULL,
    c8 bigint DEFAULT 0 NOT NULL,
    c9 bigint DEFAULT 0 NOT NULL,
    c10 bigint DEFAULT 0 NOT NULL,
    c11 bigint DEFAULT 0 NOT NULL,
    c12 bigint DEFAULT 0 NOT NULL,
    c13 bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');


--
-- Name: history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.history (
    workspace text NOT NULL,
    channel text NOT NULL,
    span integer NOT NULL,
    minute bigint NOT NULL,
    sent bigint DEFAULT 0 NOT NULL,
    failed bigint DEFAULT 0 NOT NULL,
    exceeded bigint DEFAULT 0 NOT NULL,
    lateness bigint DEFAULT 0 NOT NULL,
    starts bigint DEFAULT 0 NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.05');


--
-- Name: idempotency; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency (
    workspace text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    id uuid NOT NULL
);


--
-- Name: key_use; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.key_use (
    id uuid NOT NULL,
    minute bigint NOT NULL,
    used bigint NOT NULL
)
WITH (fillfactor='70');


--
-- Name: key_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.key_version (
    one smallint NOT NULL,
    value bigint NOT NULL,
    CONSTRAINT key_version_one_check CHECK ((one = 1))
);


--
-- Name: lane; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.lane (
    id bigint NOT NULL,
    workspace text NOT NULL,
    channel text NOT NULL,
    next_due_at bigint DEFAULT '4611686018427387904'::bigint NOT NULL,
    next_high_at bigint DEFAULT '4611686018427387904'::bigint NOT NULL,
    slot_at bigint DEFAULT 0 NOT NULL,
    held_until bigint DEFAULT 0 NOT NULL,
    hold_reason text,
    hold_step integer DEFAULT 0 NOT NULL,
    hold_set_at bigint DEFAULT 0 NOT NULL,
    refusals integer DEFAULT 0 NOT NULL,
    paused smallint DEFAULT 0 NOT NULL,
    weight double precision DEFAULT 1 NOT NULL,
    rest integer DEFAULT 0 NOT NULL,
    rate double precision,
    log text,
    exceeded_at bigint DEFAULT 0 NOT NULL,
    ready_at bigint GENERATED ALWAYS AS (
CASE
    WHEN (paused <> 0) THEN '4611686018427387904'::bigint
    ELSE GREATEST(next_due_at, slot_at, held_until)
END) STORED NOT NULL,
    high_ready_at bigint GENERATED ALWAYS AS (
CASE
    WHEN (paused <> 0) THEN '4611686018427387904'::bigint
    ELSE GREATEST(next_high_at, slot_at, held_until)
END) STORED NOT NULL,
    terms text,
    day_ends_at bigint DEFAULT 0 NOT NULL,
    day_count integer DEFAULT 0 NOT NULL,
    throttled_at bigint DEFAULT 0 NOT NULL,
    watch text,
    watched_at bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');


--
-- Name: lane_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.lane ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.lane_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: limit_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.limit_state (
    channel text NOT NULL,
    log text,
    paused smallint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');


--
-- Name: message; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.message (
    id uuid NOT NULL,
    workspace text NOT NULL,
    channel text NOT NULL,
    contact text NOT NULL,
    campaign bigint,
    recipient text NOT NULL,
    priority smallint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    idempotency_key text,
    payload text NOT NULL,
    units integer DEFAULT 1 NOT NULL,
    blank text
);


--
-- Name: operation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.operation (
    id uuid NOT NULL,
    workspace text,
    action text NOT NULL,
    actor text NOT NULL,
    request text NOT NULL,
    matched bigint NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    skipped bigint DEFAULT 0 NOT NULL,
    "position" uuid,
    state text DEFAULT 'waiting'::text NOT NULL,
    error text,
    created_at bigint NOT NULL,
    finished_at bigint,
    claimed_by text,
    claimed_until bigint DEFAULT 0 NOT NULL
);


--
-- Name: pending; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pending (
    id uuid NOT NULL,
    lane bigint NOT NULL,
    priority smallint NOT NULL,
    campaign bigint,
    epoch integer DEFAULT 0 NOT NULL,
    due_at bigint NOT NULL,
    visible_at bigint NOT NULL,
    expires_at bigint,
    claimed_by bigint,
    claim integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    refused_since bigint
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0');


--
-- Name: progress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.progress (
    chore text NOT NULL,
    at bigint NOT NULL,
    id uuid NOT NULL
);


--
-- Name: result; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.result (
    id uuid NOT NULL,
    workspace text NOT NULL,
    channel text NOT NULL,
    campaign bigint,
    status text NOT NULL,
    reason text,
    due_at bigint NOT NULL,
    finished_at bigint NOT NULL,
    tries integer NOT NULL,
    attempts integer NOT NULL,
    outcome text,
    started_at bigint,
    duration bigint,
    status_code integer,
    error text,
    seq bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.1');


--
-- Name: schema_migration; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migration (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL
);


--
-- Name: tally; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tally (
    workspace text NOT NULL,
    channel text NOT NULL,
    campaign bigint NOT NULL,
    minute bigint NOT NULL,
    writer text NOT NULL,
    accepted bigint DEFAULT 0 NOT NULL,
    revived_dead bigint DEFAULT 0 NOT NULL,
    revived_cancelled bigint DEFAULT 0 NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    cancelled bigint DEFAULT 0 NOT NULL,
    retried bigint DEFAULT 0 NOT NULL,
    batches bigint DEFAULT 0 NOT NULL,
    batch_time bigint DEFAULT 0 NOT NULL,
    lateness bigint DEFAULT 0 NOT NULL,
    starts bigint DEFAULT 0 NOT NULL,
    first_at bigint,
    last_at bigint,
    since bigint DEFAULT 0 NOT NULL,
    exceeded bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');


--
-- Name: tier; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tier (
    name text NOT NULL,
    settings text NOT NULL,
    apply_after bigint
);


--
-- Name: total; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.total (
    workspace text NOT NULL,
    channel text NOT NULL,
    campaign bigint NOT NULL,
    accepted bigint DEFAULT 0 NOT NULL,
    revived_dead bigint DEFAULT 0 NOT NULL,
    revived_cancelled bigint DEFAULT 0 NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    cancelled bigint DEFAULT 0 NOT NULL,
    retried bigint DEFAULT 0 NOT NULL,
    batches bigint DEFAULT 0 NOT NULL,
    batch_time bigint DEFAULT 0 NOT NULL,
    lateness bigint DEFAULT 0 NOT NULL,
    starts bigint DEFAULT 0 NOT NULL,
    pruned_delivered bigint DEFAULT 0 NOT NULL,
    pruned_dead bigint DEFAULT 0 NOT NULL,
    pruned_cancelled bigint DEFAULT 0 NOT NULL,
    last_at bigint,
    exceeded bigint DEFAULT 0 NOT NULL
);


--
-- Name: workspace; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workspace (
    id text NOT NULL,
    settings text NOT NULL
);


--
-- Data for Name: adjustment; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: api_key; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_key VALUES ('01a20f90-e4ce-703c-9317-d1c7ce2d0c4c', 'f17a14002a7fc6a0534d03140f315cdd9940e7a99d26b7f0316131086baba324', 'acme', 'send read manage', NULL, 1795557483726041, NULL, NULL);
INSERT INTO public.api_key VALUES ('01a20f90-e4d6-703c-9318-e556cb6e222e', '100301f7be2af52d80bfc09be81d24ea92f1f5c8fd45783bb330784f44ec2b7d', NULL, 'read send manage', NULL, 1795557483734743, NULL, NULL);


--
-- Data for Name: attempt; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.attempt VALUES ('01a20f90-e236-703c-9300-048a87de8dd5', 1, 'failed', 1795557483164931, 1234, 500, 'HTTP 500: {"error":"the provider is down, code 17"}');
INSERT INTO public.attempt VALUES ('01a20f90-e236-703c-9300-048a87de8dd5', 2, 'failed', 1795557483207770, 491, 500, 'HTTP 500: {"error":"the provider is down, code 17"}');
INSERT INTO public.attempt VALUES ('01a20f90-e318-703c-9304-fb4c4e2cc712', 1, 'rejected', 1795557483317036, 1226, 400, 'HTTP 400: {"error":"not a number: \"x\""}');
INSERT INTO public.attempt VALUES ('01a20f90-e4c4-703c-9316-e94dc209e978', 1, 'throttled', 1795557483799111, 892, 429, 'HTTP 429: {}');


--
-- Data for Name: audit; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: baseline; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: campaign; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.campaign OVERRIDING SYSTEM VALUE VALUES (2, 'acme', 'summer', 'active', 'active', 0, 0, NULL, 0, 0);
INSERT INTO public.campaign OVERRIDING SYSTEM VALUE VALUES (1, 'acme', 'spring', 'paused', 'paused', 0, 0, NULL, 0, 0);
INSERT INTO public.campaign OVERRIDING SYSTEM VALUE VALUES (3, 'globex', 'autumn', 'cancelled', 'active', 1, 1, 1795557483645443, 0, 0);
INSERT INTO public.campaign OVERRIDING SYSTEM VALUE VALUES (4, 'globex', 'winter', 'active', 'active', 1, 0, NULL, 60000000, 0);


--
-- Data for Name: dashboard_secret; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.dashboard_secret VALUES (1, 'a685257809e822788a9dd59b090b732f9dd6de557d49c09c11ab63b7aece6365');


--
-- Data for Name: dispatcher; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.dispatcher OVERRIDING SYSTEM VALUE VALUES (1, 'vm', 1795557482627897, 1795557482627897, 0, 0);


--
-- Data for Name: event; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: event_route; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.event_route VALUES ('', 0, 0, NULL, 0, 0, 0);


--
-- Data for Name: event_told; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: exceedance; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.exceedance VALUES ('busy', 'sms', 1795557483800095, 1, 'Rate limit exceeded: 50 per second', 'endpoint', 1795557484799854);


--
-- Data for Name: figure; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: histogram; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.histogram VALUES ('delivery', 'email', 29925958, 'd1', 900, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.histogram VALUES ('lateness', 'email', 29925958, 'd1', 85052, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.histogram VALUES ('delivery', 'sms', 29925958, 'd1', 7237, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.histogram VALUES ('lateness', 'sms', 29925958, 'd1', 404487, 0, 0, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0);


--
-- Data for Name: history; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: idempotency; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.idempotency VALUES ('acme', 'key-delivered', '4bfc747872d3a053cf1f19e54a03a949', '01a20f90-e229-703c-92ff-f0ad521c9a6c');
INSERT INTO public.idempotency VALUES ('acme', 'key-failed', 'b452cbfe6b68c29a1f949b8b8d05bb20', '01a20f90-e236-703c-9300-048a87de8dd5');
INSERT INTO public.idempotency VALUES ('acme', 'key-rejected', '939eaa73a56bc2043deb0a95f0fb0e7c', '01a20f90-e251-703c-9301-d7f513107f4c');
INSERT INTO public.idempotency VALUES ('acme', 'key-email', '44f7bd99a16ad3e2458cebe1740d5a9a', '01a20f90-e26c-703c-9302-518b8536b29f');
INSERT INTO public.idempotency VALUES ('acme', 'key-scheduled', '4bfc747872d3a053cf1f19e54a03a949', '01a20f90-e310-703c-9303-1d4fa4604c04');


--
-- Data for Name: key_use; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: key_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.key_version VALUES (1, 2);


--
-- Data for Name: lane; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (3, 'windowed', 'email', 4611686018427387904, 4611686018427387904, 0, 0, NULL, 0, 0, 0, 0, 1, 0, NULL, '[[],[],0,0,[],0]', 0, DEFAULT, DEFAULT, '{"zone":"UTC","window":{"start":"08:00","end":"08:01","days":[1]}}', 0, 0, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (5, 'gone', 'email', 4611686018427387904, 4611686018427387904, 0, 0, NULL, 0, 0, 0, 0, 1, 0, NULL, NULL, 0, DEFAULT, DEFAULT, NULL, 0, 0, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (7, 'asleep', 'email', 4611686018427387904, 4611686018427387904, 0, 0, NULL, 0, 0, 0, 0, 1, 0, NULL, NULL, 0, DEFAULT, DEFAULT, NULL, 0, 0, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (4, 'windowed', 'sms', 1796025600000000, 4611686018427387904, 0, 0, NULL, 0, 0, 0, 0, 1, 0, NULL, '[[],[],0,0,[],0]', 0, DEFAULT, DEFAULT, '{"zone":"UTC","window":{"start":"08:00","end":"08:01","days":[1]}}', 0, 0, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (1, 'acme', 'email', 1795557513121531, 4611686018427387904, 1795557483101531, 0, NULL, 0, 0, 0, 0, 3, 0, 7, '[[1795557483201531],[1],1795557482871531,1,[[1795557483,1]],0]', 0, DEFAULT, DEFAULT, '{"zone":"Europe/Berlin","callback":true}', 0, 1, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (2, 'acme', 'sms', 1795557513394741, 1795561083280048, 1795557483313275, 0, NULL, 0, 0, 0, 0, 3, 0, 20, '[[1795557483140845,23292,23446,19849,39140,69106,97597],[1,1,1,1,1,1,1],1795557483144741,7,[[1795557483,7]],0]', 0, DEFAULT, DEFAULT, '{"zone":"Europe/Berlin","callback":true}', 0, 4, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (10, 'globex', 'email', 1795561083494725, 4611686018427387904, 0, 0, NULL, 0, 0, 0, 0, 1, 0, NULL, NULL, 0, DEFAULT, DEFAULT, NULL, 0, 0, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (8, 'asleep', 'sms', 1795557483707767, 4611686018427387904, 0, 0, NULL, 0, 0, 0, 1, 1, 0, NULL, NULL, 0, DEFAULT, DEFAULT, NULL, 0, 0, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (6, 'gone', 'sms', 1795557483744044, 1795557483744044, 0, 1795557484744044, 'unreachable', 1, 1795557483744044, 0, 0, 1, 0, NULL, '[[],[],0,0,[[1795557483,1]],0]', 0, DEFAULT, DEFAULT, '{"callback":true}', 0, 1, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (9, 'globex', 'sms', 1795557513791729, 4611686018427387904, 0, 0, NULL, 0, 0, 0, 0, 1, 0, NULL, '[[],[],0,0,[[1795557483,2]],0]', 0, DEFAULT, DEFAULT, NULL, 0, 2, 0, NULL, 0);
INSERT INTO public.lane OVERRIDING SYSTEM VALUE VALUES (11, 'busy', 'sms', 1795557483800095, 1795557483800095, 0, 1795557484799854, 'throttled', 0, 1795557483800095, 0, 0, 1, 0, NULL, '[[],[],0,0,[[1795557483,1]],0]', 1795557483800095, DEFAULT, DEFAULT, NULL, 0, 1, 1795557483799111, NULL, 0);


--
-- Data for Name: limit_state; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.limit_state VALUES ('email', '[[1795557483201531],[1],1795557482871531,1,[[1795557483,1]],0]', 0);
INSERT INTO public.limit_state VALUES ('sms', '[[1795557483140845,23292,23446,19849,39140,69106,97597,284898,100893,52851,10014],[1,1,1,1,1,1,1,1,1,1,1],1795557483562129,11,[[1795557483,11]],0]', 0);


--
-- Data for Name: message; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.message VALUES ('01a20f90-e229-703c-92ff-f0ad521c9a6c', 'acme', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483049437, NULL, 'key-delivered', '{"to":"+1 (555) 010-0123","text":"Hello from acme","metadata":{"note":"kept"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e236-703c-9300-048a87de8dd5', 'acme', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483062834, NULL, 'key-failed', '{"to":"+1 (555) 010-0123","text":"Hello from acme","endpoint":"/fail","metadata":{"note":"kept","callbackEndpoint":"/fail"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e251-703c-9301-d7f513107f4c', 'acme', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483089586, NULL, 'key-rejected', '{"to":"+1 (555) 010-0123","text":"Hello from acme","endpoint":"/reject","metadata":{"note":"kept","callbackEndpoint":"/reject"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e26c-703c-9302-518b8536b29f', 'acme', 'email', 'contact-2', NULL, 'ada@example.org', 1, 1795557483116690, NULL, 'key-email', '{"to":"Ada@Example.org","subject":"News","html":"<p>Hi</p>","metadata":{}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e310-703c-9303-1d4fa4604c04', 'acme', 'sms', 'contact-1', NULL, '15550100123', 0, 1795557483280048, NULL, 'key-scheduled', '{"to":"+1 (555) 010-0123","text":"Hello from acme","metadata":{"note":"kept"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e318-703c-9304-fb4c4e2cc712', 'acme', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483288244, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from acme","endpoint":"/reject","metadata":{"note":"kept","callbackEndpoint":"/reject"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e3d1-703c-9305-696cc7468717', 'globex', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483473973, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","metadata":{"note":"kept"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e3e6-703c-9306-1ce7417be616', 'globex', 'email', 'contact-2', NULL, 'ada@example.org', 1, 1795557483494725, 1795557543493833, NULL, '{"to":"Ada@Example.org","subject":"News","html":"<p>Hi</p>","metadata":{}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e3ee-703c-9307-20107949ed51', 'acme', 'sms', 'contact-1', 1, '15550100123', 1, 1795557483502606, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from acme","metadata":{"note":"kept","campaignId":"spring"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e404-703c-9308-30652422a8c8', 'acme', 'email', 'contact-2', 2, 'ada@example.org', 1, 1795557483524805, NULL, NULL, '{"to":"Ada@Example.org","subject":"News","html":"<p>Hi</p>","metadata":{"campaignId":"summer"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e40c-703c-9309-2942325fbd3f', 'globex', 'sms', 'contact-1', 3, '15550100123', 1, 1795557483532837, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","metadata":{"note":"kept","campaignId":"autumn"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e414-703c-930a-66e681e36f14', 'globex', 'sms', 'contact-1', 4, '15550100123', 1, 1795557483540325, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","metadata":{"note":"kept","campaignId":"winter"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e41e-703c-930b-c7904713d273', 'acme', 'sms', 'contact-1', 1, '15550100123', 1, 1795557483550567, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from acme","metadata":{"note":"kept","campaignId":"spring"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e42d-703c-930c-c91cf900973a', 'acme', 'email', 'contact-2', 2, 'ada@example.org', 1, 1795557483565270, NULL, NULL, '{"to":"Ada@Example.org","subject":"News","html":"<p>Hi</p>","metadata":{"campaignId":"summer"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e433-703c-930d-570daeca3699', 'globex', 'sms', 'contact-1', 3, '15550100123', 1, 1795557483571626, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","metadata":{"note":"kept","campaignId":"autumn"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e43d-703c-930e-93895d148b40', 'globex', 'sms', 'contact-1', 4, '15550100123', 1, 1795557483581990, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","metadata":{"note":"kept","campaignId":"winter"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e448-703c-930f-64d66b810586', 'acme', 'sms', 'contact-1', 1, '15550100123', 1, 1795557483592396, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from acme","metadata":{"note":"kept","campaignId":"spring"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e457-703c-9310-21ab48164614', 'acme', 'email', 'contact-2', 2, 'ada@example.org', 1, 1795557483607818, NULL, NULL, '{"to":"Ada@Example.org","subject":"News","html":"<p>Hi</p>","metadata":{"campaignId":"summer"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e461-703c-9311-fc19dd9d1c3b', 'globex', 'sms', 'contact-1', 3, '15550100123', 1, 1795557483617473, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","metadata":{"note":"kept","campaignId":"autumn"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e468-703c-9312-ddf6ca8067a4', 'globex', 'sms', 'contact-1', 4, '15550100123', 1, 1795557483624811, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","metadata":{"note":"kept","campaignId":"winter"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e49a-703c-9313-e5ca90fdb814', 'gone', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483674341, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from gone","metadata":{"note":"kept"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e4a8-703c-9314-0d78b7987376', 'windowed', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483688455, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from windowed","metadata":{"note":"kept"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e4bb-703c-9315-a4223c112b1a', 'asleep', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483707767, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from asleep","metadata":{"note":"kept"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e4c4-703c-9316-e94dc209e978', 'busy', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483716035, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from busy","endpoint":"/throttle","metadata":{"note":"kept","callbackEndpoint":"/throttle"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e508-703c-9319-dd64d3da756f', 'globex', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483784176, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","endpoint":"/hang?x","metadata":{"note":"kept","callbackEndpoint":"/hang?x"}}', 1, NULL);
INSERT INTO public.message VALUES ('01a20f90-e512-703c-931a-8ff10a1a6bcd', 'globex', 'sms', 'contact-1', NULL, '15550100123', 1, 1795557483794863, NULL, NULL, '{"to":"+1 (555) 010-0123","text":"Hello from globex","endpoint":"/hang?x","metadata":{"note":"kept","callbackEndpoint":"/hang?x"}}', 1, NULL);


--
-- Data for Name: operation; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: pending; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.pending VALUES ('01a20f90-e310-703c-9303-1d4fa4604c04', 2, 0, NULL, 0, 1795561083280048, 1795561083280048, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e3e6-703c-9306-1ce7417be616', 10, 1, NULL, 0, 1795561083494725, 1795561083494725, 1795557543493833, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e3ee-703c-9307-20107949ed51', 2, 1, 1, 0, 1795561083502606, 1795561083502606, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e404-703c-9308-30652422a8c8', 1, 1, 2, 0, 1795561083524805, 1795561083524805, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e41e-703c-930b-c7904713d273', 2, 1, 1, 0, 1795561083551567, 1795561083551567, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e42d-703c-930c-c91cf900973a', 1, 1, 2, 0, 1795561083566270, 1795561083566270, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e448-703c-930f-64d66b810586', 2, 1, 1, 0, 1795561083594396, 1795561083594396, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e457-703c-9310-21ab48164614', 1, 1, 2, 0, 1795561083609818, 1795561083609818, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e43d-703c-930e-93895d148b40', 9, 1, 4, 1, 1795561143582990, 1795561143582990, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e414-703c-930a-66e681e36f14', 9, 1, 4, 1, 1795561143540325, 1795561143540325, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e468-703c-9312-ddf6ca8067a4', 9, 1, 4, 1, 1795561143626811, 1795561143626811, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e4a8-703c-9314-0d78b7987376', 4, 1, NULL, 0, 1795557483688455, 1795557483688455, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e4bb-703c-9315-a4223c112b1a', 8, 1, NULL, 0, 1795557483707767, 1795557483707767, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e49a-703c-9313-e5ca90fdb814', 6, 1, NULL, 0, 1795557483674341, 1795557483744044, NULL, NULL, 1, 0, 0, 1795557483744044);
INSERT INTO public.pending VALUES ('01a20f90-e508-703c-9319-dd64d3da756f', 9, 1, NULL, 0, 1795557483784176, 1795557513791729, NULL, 1, 1, 0, 0, NULL);
INSERT INTO public.pending VALUES ('01a20f90-e4c4-703c-9316-e94dc209e978', 11, 1, NULL, 0, 1795557483716035, 1795557483800095, NULL, NULL, 1, 0, 1, 1795557483800095);
INSERT INTO public.pending VALUES ('01a20f90-e512-703c-931a-8ff10a1a6bcd', 9, 1, NULL, 0, 1795557483794863, 1795557513801743, NULL, 1, 1, 0, 0, NULL);


--
-- Data for Name: progress; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: result; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.result VALUES ('01a20f90-e229-703c-92ff-f0ad521c9a6c', 'acme', 'sms', NULL, 'delivered', NULL, 1795557483049437, 1795557483141927, 1, 1, 'delivered', 1795557483141207, 695, 200, NULL, 1, '786');
INSERT INTO public.result VALUES ('01a20f90-e251-703c-9301-d7f513107f4c', 'acme', 'sms', NULL, 'dead', 'rejected', 1795557483089586, 1795557483189378, 1, 1, 'rejected', 1795557483188338, 1014, 400, 'HTTP 400: {"error":"not a number: \"x\""}', 2, '789');
INSERT INTO public.result VALUES ('01a20f90-e26c-703c-9302-518b8536b29f', 'acme', 'email', NULL, 'delivered', NULL, 1795557483116690, 1795557483202669, 1, 1, 'delivered', 1795557483201742, 900, 200, NULL, 3, '790');
INSERT INTO public.result VALUES ('01a20f90-e236-703c-9300-048a87de8dd5', 'acme', 'sms', NULL, 'dead', 'exhausted', 1795557483062834, 1795557483248230, 3, 3, 'failed', 1795557483247216, 981, 500, 'HTTP 500: {"error":"the provider is down, code 17"}', 4, '793');
INSERT INTO public.result VALUES ('01a20f90-e318-703c-9304-fb4c4e2cc712', 'acme', 'sms', NULL, 'dead', 'rejected', 1795557483379586, 1795557483414928, 1, 2, 'rejected', 1795557483414191, 704, 400, 'HTTP 400: {"error":"not a number: \"x\""}', 7, '802');
INSERT INTO public.result VALUES ('01a20f90-e3d1-703c-9305-696cc7468717', 'globex', 'sms', NULL, 'cancelled', 'cancelled', 1795561083473973, 1795557483480430, 0, 0, NULL, NULL, NULL, NULL, NULL, 8, '804');
INSERT INTO public.result VALUES ('01a20f90-e40c-703c-9309-2942325fbd3f', 'globex', 'sms', 3, 'cancelled', 'cancelled', 1795561083532837, 1795557483645443, 0, 0, NULL, NULL, NULL, NULL, NULL, 9, '820');
INSERT INTO public.result VALUES ('01a20f90-e433-703c-930d-570daeca3699', 'globex', 'sms', 3, 'cancelled', 'cancelled', 1795561083572626, 1795557483645443, 0, 0, NULL, NULL, NULL, NULL, NULL, 10, '820');
INSERT INTO public.result VALUES ('01a20f90-e461-703c-9311-fc19dd9d1c3b', 'globex', 'sms', 3, 'cancelled', 'cancelled', 1795561083619473, 1795557483645443, 0, 0, NULL, NULL, NULL, NULL, NULL, 11, '820');


--
-- Data for Name: schema_migration; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_migration VALUES (1, 'queue', '22883bcec118964b43c20051d7f8a85919773fa3217b56a7d3ee441eca9e043e');
INSERT INTO public.schema_migration VALUES (2, 'tenants', 'f1c140e1e9ce0e8ef1edfe01c28c9b587f41f51e0adee698404e98f6dfe4a2cb');
INSERT INTO public.schema_migration VALUES (3, 'metrics', '1c21629d7875b649f02a0c4e0d8798203b245709f4f13f6c855316223a045044');
INSERT INTO public.schema_migration VALUES (4, 'keys', 'c226fdee5c5b9d66570810ac0ca30bd647c361d583030bbf05bd888b49a4f956');
INSERT INTO public.schema_migration VALUES (5, 'dashboard', 'd619e559dc01731c99045ab9e2ee7368d42f43931f96aa876d06558c11b2c96c');
INSERT INTO public.schema_migration VALUES (6, 'changes', 'ce0fb5087e91b520001a9b9287faac5fd8ff69b52d228a344c1929603e0dee30');
INSERT INTO public.schema_migration VALUES (7, 'privacy', 'd8594f6ae9e3d2427b6ecc71f2758c3240a34cc6e06b06b3feafbce42aceecf1');
INSERT INTO public.schema_migration VALUES (8, 'lookups', '13d1fc418afbbec405e593cc5e73c8e6546377910946d9527218150f2411975e');


--
-- Data for Name: tally; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tally VALUES ('globex', 'sms', 3, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('globex', 'sms', 4, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('acme', 'email', 0, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('globex', 'sms', 3, 29925958, 'm1', 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('gone', 'sms', 0, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('acme', 'email', 0, 29925958, 'd1', 0, 0, 0, 1, 0, 0, 0, 1, 900, 85052, 1, 1795557483201742, 1795557483202669, 0, 0);
INSERT INTO public.tally VALUES ('windowed', 'sms', 0, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('asleep', 'sms', 0, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('busy', 'sms', 0, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('gone', 'sms', 0, 29925958, 'd1', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('acme', 'sms', 0, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('acme', 'sms', 0, 29925958, 'd1', 0, 0, 0, 1, 4, 0, 2, 7, 6345, 321411, 4, 1795557483141207, 1795557483414928, 0, 0);
INSERT INTO public.tally VALUES ('globex', 'email', 0, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('globex', 'sms', 0, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('busy', 'sms', 0, 29925958, 'd1', 0, 0, 0, 0, 0, 0, 0, 1, 892, 83076, 1, NULL, NULL, 0, 1);
INSERT INTO public.tally VALUES ('acme', 'sms', 1, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO public.tally VALUES ('acme', 'email', 2, 29925958, 'api-01a20f90-e099-703c-92fe-21524420fcf3', 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0);


--
-- Data for Name: tier; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tier VALUES ('free', '{"name":"free","limits":{"sms":5,"email":10},"weight":0.5}', NULL);
INSERT INTO public.tier VALUES ('standard', '{"name":"standard"}', NULL);
INSERT INTO public.tier VALUES ('premium', '{"name":"premium","weight":2,"auto_scale":{"sms":{"max":200,"step":1.25},"email":{"max":400,"step":1.25}}}', NULL);
INSERT INTO public.tier VALUES ('gold', '{"name":"gold","limits":{"sms":20},"weight":3}', NULL);


--
-- Data for Name: total; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: workspace; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.workspace VALUES ('acme', '{"id":"acme","tier":"gold","timezone":"Europe/Berlin","limits":{"email":7},"secrets":[{"value":"whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0","until":null}]}');
INSERT INTO public.workspace VALUES ('windowed', '{"id":"windowed","timezone":"UTC","window":{"start":"08:00","end":"08:01","days":[1]}}');
INSERT INTO public.workspace VALUES ('gone', '{"id":"gone","base_urls":{"sms":"http://127.0.0.1:9"}}');
INSERT INTO public.workspace VALUES ('asleep', '{"id":"asleep","paused":{"sms":true}}');


--
-- Name: audit_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.audit_id_seq', 1, false);


--
-- Name: campaign_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.campaign_id_seq', 4, true);


--
-- Name: change_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.change_seq', 11, true);


--
-- Name: dispatcher_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.dispatcher_id_seq', 1, true);


--
-- Name: event_seq_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.event_seq_seq', 1, false);


--
-- Name: lane_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.lane_id_seq', 11, true);


--
-- Name: api_key api_key_digest_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_digest_key UNIQUE (digest);


--
-- Name: api_key api_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);


--
-- Name: attempt attempt_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (id, number);


--
-- Name: audit audit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);


--
-- Name: baseline baseline_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.baseline
    ADD CONSTRAINT baseline_pkey PRIMARY KEY (workspace, channel);


--
-- Name: campaign campaign_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_pkey PRIMARY KEY (id);


--
-- Name: campaign campaign_workspace_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_workspace_name_key UNIQUE (workspace, name);


--
-- Name: dashboard_secret dashboard_secret_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dashboard_secret
    ADD CONSTRAINT dashboard_secret_pkey PRIMARY KEY (one);


--
-- Name: dispatcher dispatcher_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dispatcher
    ADD CONSTRAINT dispatcher_pkey PRIMARY KEY (id);


--
-- Name: event event_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_id_key UNIQUE (id);


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (seq);


--
-- Name: event_route event_route_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event_route
    ADD CONSTRAINT event_route_pkey PRIMARY KEY (workspace);


--
-- Name: event_told event_told_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event_told
    ADD CONSTRAINT event_told_pkey PRIMARY KEY (workspace, subject);


--
-- Name: figure figure_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.figure
    ADD CONSTRAINT figure_pkey PRIMARY KEY (workspace, channel);


--
-- Name: histogram histogram_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.histogram
    ADD CONSTRAINT histogram_pkey PRIMARY KEY (kind, channel, minute, writer);


--
-- Name: history history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (workspace, channel, span, minute);


--
-- Name: idempotency idempotency_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (workspace, key);


--
-- Name: key_use key_use_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.key_use
    ADD CONSTRAINT key_use_pkey PRIMARY KEY (id);


--
-- Name: key_version key_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.key_version
    ADD CONSTRAINT key_version_pkey PRIMARY KEY (one);


--
-- Name: lane lane_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lane
    ADD CONSTRAINT lane_pkey PRIMARY KEY (id);


--
-- Name: lane lane_workspace_channel_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lane
    ADD CONSTRAINT lane_workspace_channel_key UNIQUE (workspace, channel);


--
-- Name: limit_state limit_state_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.limit_state
    ADD CONSTRAINT limit_state_pkey PRIMARY KEY (channel);


--
-- Name: message message_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (id);


--
-- Name: operation operation_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operation
    ADD CONSTRAINT operation_pkey PRIMARY KEY (id);


--
-- Name: pending pending_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pending
    ADD CONSTRAINT pending_pkey PRIMARY KEY (id);


--
-- Name: progress progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.progress
    ADD CONSTRAINT progress_pkey PRIMARY KEY (chore);


--
-- Name: result result_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.result
    ADD CONSTRAINT result_pkey PRIMARY KEY (id);


--
-- Name: schema_migration schema_migration_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (number);


--
-- Name: tally tally_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tally
    ADD CONSTRAINT tally_pkey PRIMARY KEY (workspace, channel, campaign, minute, writer, since);


--
-- Name: tier tier_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tier
    ADD CONSTRAINT tier_pkey PRIMARY KEY (name);


--
-- Name: total total_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.total
    ADD CONSTRAINT total_pkey PRIMARY KEY (workspace, channel, campaign);


--
-- Name: workspace workspace_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workspace
    ADD CONSTRAINT workspace_pkey PRIMARY KEY (id);


--
-- Name: adjustment_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX adjustment_at ON public.adjustment USING btree (at);


--
-- Name: adjustment_lane; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX adjustment_lane ON public.adjustment USING btree (workspace, channel, at);


--
-- Name: audit_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_workspace ON public.audit USING btree (workspace, id) WHERE (workspace IS NOT NULL);


--
-- Name: campaign_busy; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX campaign_busy ON public.campaign USING btree (id) WHERE (busy <> 0);


--
-- Name: event_created; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX event_created ON public.event USING btree (created_at);


--
-- Name: event_job; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX event_job ON public.event USING btree (job, seq) WHERE (job IS NOT NULL);


--
-- Name: event_turn; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX event_turn ON public.event USING btree (route, visible_at, seq);


--
-- Name: exceedance_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX exceedance_at ON public.exceedance USING btree (at);


--
-- Name: exceedance_lane; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX exceedance_lane ON public.exceedance USING btree (workspace, channel, at);


--
-- Name: figure_exceeded; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX figure_exceeded ON public.figure USING btree (channel) WHERE (exceeded > 0);


--
-- Name: history_age; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_age ON public.history USING btree (span, minute);


--
-- Name: lane_high_ready; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX lane_high_ready ON public.lane USING btree (channel, high_ready_at) WHERE (next_high_at < '4611686018427387904'::bigint);


--
-- Name: lane_ready; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX lane_ready ON public.lane USING btree (channel, ready_at);


--
-- Name: lane_watched; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX lane_watched ON public.lane USING btree (watched_at) WHERE (watch IS NOT NULL);


--
-- Name: message_campaign; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_campaign ON public.message USING btree (campaign, id) WHERE (campaign IS NOT NULL);


--
-- Name: message_channel; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_channel ON public.message USING btree (channel, id);


--
-- Name: message_contact; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_contact ON public.message USING btree (contact, workspace);


--
-- Name: message_recipient; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_recipient ON public.message USING btree (recipient, workspace);


--
-- Name: message_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_workspace ON public.message USING btree (workspace, id);


--
-- Name: operation_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX operation_open ON public.operation USING btree (id) WHERE (finished_at IS NULL);


--
-- Name: pending_campaign; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_campaign ON public.pending USING btree (campaign, epoch, due_at) WHERE (campaign IS NOT NULL);


--
-- Name: pending_claimed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_claimed ON public.pending USING btree (campaign) WHERE (claimed_by IS NOT NULL);


--
-- Name: pending_counted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_counted ON public.pending USING btree (lane, priority, visible_at, id) WHERE (attempts > 0);


--
-- Name: pending_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_expiry ON public.pending USING btree (expires_at) WHERE (expires_at IS NOT NULL);


--
-- Name: pending_parked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_parked ON public.pending USING btree (campaign) WHERE (visible_at = '4611686018427387903'::bigint);


--
-- Name: pending_turn; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_turn ON public.pending USING btree (lane, priority, visible_at, id);


--
-- Name: result_campaign; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX result_campaign ON public.result USING btree (campaign, due_at) WHERE (campaign IS NOT NULL);


--
-- Name: result_change; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX result_change ON public.result USING btree (xid, seq);


--
-- Name: result_finished; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX result_finished ON public.result USING btree (finished_at);


--
-- Name: result_unsent; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX result_unsent ON public.result USING btree (status, id) WHERE (status = ANY (ARRAY['dead'::text, 'cancelled'::text]));


--
-- Name: tally_campaign; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tally_campaign ON public.tally USING btree (campaign) WHERE (campaign <> 0);


--
-- Name: tally_minute; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tally_minute ON public.tally USING btree (minute);


--
-- Name: total_campaign; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX total_campaign ON public.total USING btree (campaign) WHERE (campaign <> 0);


--
-- Name: total_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX total_workspace ON public.total USING btree (workspace, channel) WHERE (campaign = 0);


--
-- PostgreSQL database dump complete
--


