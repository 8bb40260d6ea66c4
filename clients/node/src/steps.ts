/** A campaign's steps, checked and with their templates ready. */
import { EVERY_DAY, sendAt } from './calendar.js';
import { ValidationFailed, type Fault } from './errors.js';
import type { Step } from './plan.js';
import type { Compile, Render } from './templates.js';

/** A step whose templates are ready. */
export interface CompiledStep {
  of: Step;
  id: string;
  subject: Render;
  body: Render;
}

/**
 * The steps, checked. Throws ValidationFailed, naming the step, for a time, weekday, channel or
 * template that is none, and for two steps of one id.
 */
export function compiled(steps: Iterable<Step>, compile: Compile, zone: string): CompiledStep[] {
  const ready = [...steps].map((step, index) => {
    try {
      return prepared(step, index, compile, zone);
    } catch (error) {
      if (!(error instanceof ValidationFailed)) throw error;
      throw ValidationFailed.of(...error.faults.map(({ field, message }): Fault => ({ field: `steps[${index}].${field}`, message })));
    }
  });
  if (new Set(ready.map((step) => step.id)).size < ready.length) {
    throw ValidationFailed.of({ field: 'steps', message: 'two steps have the same id; the second would be taken for a repeat of the first' });
  }
  return ready;
}

function prepared(step: Step, index: number, compile: Compile, zone: string): CompiledStep {
  sendAt(step.day, step.at, zone, '2000-01-01', step.days ?? EVERY_DAY);
  if (step.channel !== 'sms' && step.channel !== 'email') {
    throw ValidationFailed.of({ field: 'channel', message: `'${String(step.channel)}' is neither sms nor email` });
  }
  return {
    of: step,
    id: step.id || String(index + 1),
    subject: compile(step.subject ?? '', { escape: false }),
    body: compile(step.template ?? '', { escape: step.channel === 'email' }),
  };
}
