/**
 * Every error that the package raises on purpose, in one tree; catch `QueueServiceError` to catch
 * them all.
 */

/** One thing wrong with a request: the `field` by its name on the wire, and what to do about it. */
export interface Fault {
  field: string;
  message: string;
}

/** The root of the tree. `status` is the HTTP status, undefined where the service gave none. */
export class QueueServiceError extends Error {
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.name = new.target.name;
    this.status = status;
  }
}

/** The request is wrong and would be wrong again (400, 413, 415, or seen before it was sent). */
export class ValidationFailed extends QueueServiceError {
  readonly faults: readonly Fault[];

  constructor(message: string, faults: readonly Fault[] = [], status?: number) {
    super(message, status);
    this.faults = faults;
  }

  /** The refusal of a request for `faults` found before it was sent. */
  static of(...faults: Fault[]): ValidationFailed {
    return new ValidationFailed(faults.map(({ field, message }) => `${field}: ${message}`).join('; '), faults);
  }
}

/** The service does not know the job, campaign or workspace, or the key may not see it (404). */
export class NotFound extends QueueServiceError {}

/** The state of the thing forbids the call, or the idempotency key is another message's (409). */
export class Conflict extends QueueServiceError {}

/** The key is missing, unknown or expired (401), or does not allow this call (403). */
export class Unauthorized extends QueueServiceError {}

/** The key is over its intake quota (429): nothing was stored; try again after `retryAfter` seconds. */
export class OverQuota extends QueueServiceError {
  readonly retryAfter: number;

  constructor(message: string, retryAfter = 1, status?: number) {
    super(message, status);
    this.retryAfter = retryAfter;
  }
}

/**
 * The service did not answer, or cannot now (5xx). What was asked may have been done: ask again
 * with the same idempotency key. `retryAfter` is in seconds, where the service said it.
 */
export class Unavailable extends QueueServiceError {
  readonly retryAfter: number | undefined;

  constructor(message: string, retryAfter?: number, status?: number) {
    super(message, status);
    this.retryAfter = retryAfter;
  }
}
