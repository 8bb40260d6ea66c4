/** The clock of the fake service. It stands still until a test moves it. */

/** A Monday, in winter, at nine. */
const START = new Date('2026-01-05T09:00:00Z');

/** Shows one moment; only ever moves forward. */
export class QueueClock {
  private moment: number;

  constructor(moment: Date = START) {
    this.moment = moment.getTime();
  }

  now(): Date {
    return new Date(this.moment);
  }

  /** Unix seconds: what `new Receiver(secret, { clock })` wants, as `clock: () => clock.seconds()`. */
  seconds(): number {
    return this.moment / 1000;
  }

  moveTo(moment: number): void {
    this.moment = Math.max(this.moment, moment);
  }
}
