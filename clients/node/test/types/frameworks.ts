// Compiled by types.test.mjs: the adapters and stores fit what the frameworks and databases declare.
import { createServer } from 'node:http';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { QueueService, type Job } from 'queue-services';
import { parseEmail, parseEvent, parseSms, Receiver, type SmsMessage } from 'queue-services/receiver';
import * as forExpress from 'queue-services/receiver/express';
import * as forFastify from 'queue-services/receiver/fastify';
import * as forHono from 'queue-services/receiver/hono';
import { FakeQueueService } from 'queue-services/testing';
import { sqlStore, Tracker, type TrackedRow } from 'queue-services/tracking';

const receiver = new Receiver(process.env.SECRET ?? null, { workspaces: async (id) => id.startsWith('w') });
const send = async (message: SmsMessage): Promise<void> => void message.mediaUrl?.length;

express().post('/send-sms', forExpress.endpoint(receiver, parseSms, send)).get('/sent/:jobId', forExpress.askEndpoint(receiver));
createServer(forExpress.endpoint(receiver, parseEmail, (email) => email.html.length));
void Fastify().register(forFastify.endpoint(receiver, '/send-sms', parseSms, send)).register(forFastify.askEndpoint(receiver, '/sent'));
new Hono().post('/events', forHono.endpoint(receiver, parseEvent, (event) => event.type)).get('/sent/:jobId', forHono.askEndpoint(receiver));
// @ts-expect-error an email is no SMS
forHono.endpoint(receiver, parseEmail, send);

const service: QueueService = new FakeQueueService(() => 'timeout');
export async function jobs(): Promise<Job[]> {
  const page = await service.call('GET /api/jobs', { query: { workspaceId: 'w', status: 'FAILED', from: new Date() } });
  // @ts-expect-error there is no such call
  await service.call('GET /api/nothing', {});
  // @ts-expect-error a status is one of five
  await service.jobPage({ status: 'LOST' });
  await service.changeWorkspace('w', { limits: { sms: null }, sendWindow: { start: '08:00', end: '21:00' } });
  return page.jobs;
}

interface Own extends TrackedRow {
  phone: string;
}
export const tracker = new Tracker<Own>(
  sqlStore(async (_text, values) => ({ rows: values, changed: 0 })),
  { toMessage: (row) => ({ channel: 'sms', to: row.phone, message: row.message, contactId: 'c', workspaceId: 'w' }) },
);
