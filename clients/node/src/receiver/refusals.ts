/**
 * What a callback endpoint may answer instead of "sent", as errors that a handler throws. The
 * statuses are those the service understands: each says whether a try is used and whether the
 * message ends.
 */
import { QueueServiceError } from '../errors.js';

const NOT_FINAL = [401, 403, 404, 408, 425, 429];

/** Whether a message that is answered `status` is FAILED at once. */
export function isFinalStatus(status: number): boolean {
  return status >= 400 && status < 500 && !NOT_FINAL.includes(status);
}

/** A callback that is not carried out; answered with `code`, and `retryAfter` seconds where given. */
export abstract class Refusal extends QueueServiceError {
  abstract readonly code: number;
  readonly retryAfter: number | undefined = undefined;
}

/** Could not be sent now (the provider is away): a failed try; the service comes again after its backoff. */
export class RetryLater extends Refusal {
  readonly code: number = 503;

  constructor(message = 'could not be sent now') {
    super(message);
  }
}

/** The provider wants fewer: no try is used; single callbacks hold the workspace's channel for `seconds` (at most an hour). */
export class SlowDown extends Refusal {
  readonly code: number = 429;
  override readonly retryAfter: number;

  constructor(seconds: number, message = 'too many messages') {
    super(message);
    this.retryAfter = seconds;
  }
}

/**
 * Can never be sent (a bad number, an unsubscribed contact): the message is FAILED at once, with
 * `message` as its error. `status` is a final 4xx; throws TypeError for any other. To an event, 410
 * turns the workspace's events off.
 */
export class Reject extends Refusal {
  readonly code: number;

  constructor(message = 'cannot be sent', status = 422) {
    super(message);
    if (!isFinalStatus(status)) {
      throw new TypeError(`${status} does not end a message; use 4xx but ${NOT_FINAL.join(', ')}, or throw RetryLater or SlowDown`);
    }
    this.code = status;
  }
}

/** The body is not what the service sends; coming again would not help. */
export class Unreadable extends Refusal {
  readonly code: number = 422;
}

/** The body is larger than the receiver reads. */
export class TooLarge extends Refusal {
  readonly code: number = 413;
}

/** The signature or the `authorization` header is missing, wrong or too old. */
export class Unverified extends Refusal {
  readonly code: number = 401;
}

/** The message is for a workspace that this application does not know. */
export class UnknownWorkspace extends Refusal {
  readonly code: number = 403;
}

/**
 * Whether the message is to be handled cannot be said now: the deduplicator or the workspace check
 * failed. With Retry-After, because an application whose database is away must use up no tries.
 */
export class NotAdmitted extends Refusal {
  readonly code: number = 503;
  override readonly retryAfter: number = 5;

  constructor(message = 'this message cannot be checked now') {
    super(message);
  }
}

/** The same message is being handled right now; with Retry-After, because a handler that died must use no tries. */
export class InProgress extends Refusal {
  readonly code: number = 503;
  override readonly retryAfter: number = 1;

  constructor(message = 'this message is being handled already') {
    super(message);
  }
}
