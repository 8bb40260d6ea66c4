/** Gives messages to code that has its own names for the same things, such as an endpoint that is older than the service. */
import type { EmailMessage, SmsMessage } from './messages.js';

const OURS = ['to', 'message', 'mediaUrl', 'subject', 'html', 'contactId', 'workspaceId', 'jobId', 'attempt', 'metadata'];
const METADATA = 'metadata.';

/**
 * The application's names for a message's fields: `{ theirs: ours }`. A dot in theirs nests
 * (`contact.phone`); ours may reach into the metadata (`metadata.campaign`). What a message does not
 * have is left out. Throws TypeError for a field that no message has.
 *
 * @example
 * const names = new FieldMap({ 'contact.phone': 'to', text: 'message', tag: 'metadata.tag' });
 * endpoint(receiver, parseSms, names.before(sendText)); // sendText({ contact: { phone }, text, tag })
 */
export class FieldMap {
  private readonly names: readonly [string, string][];

  constructor(names: Record<string, string>) {
    this.names = Object.entries(names);
    const unknown = this.names.map(([, ours]) => ours).filter((ours) => !OURS.includes(ours) && !ours.startsWith(METADATA));
    if (unknown.length) throw new TypeError(`messages have no ${unknown.join(', ')}; they have ${OURS.join(', ')} and metadata.<name>`);
  }

  /** The message in the application's names. */
  apply(message: SmsMessage | EmailMessage): Record<string, unknown> {
    const theirs: Record<string, unknown> = {};
    for (const [name, ours] of this.names) {
      const found = ours.split('.').reduce<unknown>((value, part) => (isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined), message);
      if (found !== undefined) set(theirs, name.split('.'), found);
    }
    return theirs;
  }

  /** A handler for the receiver that calls `handler` with the message in its own names. */
  before<R>(handler: (fields: any) => R): (message: SmsMessage | EmailMessage) => R {
    return (message) => handler(this.apply(message));
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function set(target: Record<string, unknown>, path: string[], value: unknown): void {
  const last = path.pop() as string;
  const inner = path.reduce((place, name) => (place[name] ??= {}) as Record<string, unknown>, target);
  inner[last] = value;
}
