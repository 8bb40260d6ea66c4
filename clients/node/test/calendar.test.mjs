import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { delayFor, MONDAY_TO_FRIDAY, sendAt, ValidationFailed } from 'queue-services';

const NOW = new Date('2026-03-28T12:00:00Z'); // a Saturday; the clocks of Berlin go forward the next night

test('the rule is that of the Python client: 5,000 shared cases', () => {
  const cases = JSON.parse(readFileSync(new URL('data/calendar.json', import.meta.url), 'utf8'));
  assert.equal(cases.length, 5_000);
  const wrong = cases.filter(([zone, day, at, now, days, delay]) => delayFor(day, at, zone, new Date(now), days) !== delay);
  assert.deepEqual(wrong, []);
});

test('a time that is past today goes to tomorrow', () => {
  assert.equal(sendAt(0, '09:30', 'Europe/Berlin', NOW).toISOString(), '2026-03-29T07:30:00.000Z');
});

test('a skipped time moves forward, a repeated one is the first, a skipped day is the next', () => {
  assert.equal(sendAt(1, '02:30', 'Europe/Berlin', NOW).toISOString(), '2026-03-29T01:30:00.000Z');
  assert.equal(sendAt(0, '02:30', 'Europe/Berlin', '2026-10-25').toISOString(), '2026-10-25T00:30:00.000Z');
  assert.equal(sendAt(1, '09:30', 'Pacific/Apia', '2011-12-29').toISOString(), '2011-12-30T19:30:00.000Z');
});

test('a day that is not wanted goes to the next that is', () => {
  assert.equal(sendAt(3, '09:30', 'Europe/Berlin', '2026-03-04', MONDAY_TO_FRIDAY).toISOString(), '2026-03-09T08:30:00.000Z');
});

test('the delay is counted from now where none is given', () => {
  const delay = delayFor(1, '12:00:30', 'UTC');
  assert.ok(Number.isInteger(delay) && delay > 12 * 3_600_000 && delay <= 36 * 3_600_000 + 30_000, String(delay));
});

test('what is none is refused', () => {
  const bad = [[-1, '09:30', 'UTC'], [0.5, '09:30', 'UTC'], [NaN, '09:30', 'UTC'], ['1', '09:30', 'UTC'], [0, '24:00', 'UTC'], [0, '9.30', 'UTC'], [0, '09:30\n', 'UTC'],
    [0, '', 'UTC'], [0, undefined, 'UTC'], [0, '09:30', 'Mars/Base'], [0, '09:30', 'europe/berlin'], [0, '09:30', '+01:00'], [0, '09:30', ''], [0, '09:30', undefined],
    [0, '09:30', 'UTC', new Date(NaN)], [0, '09:30', 'UTC', null], [3_000_000, '09:30', 'UTC'], [1e300, '09:30', 'UTC'], [0, '09:30', 'UTC', NOW, []], [0, '09:30', 'UTC', NOW, [0]]];
  for (const given of bad) assert.throws(() => delayFor(...given), ValidationFailed, JSON.stringify(given));
  for (const start of ['2026-02-30', '2026-3-1', 'today']) assert.throws(() => sendAt(0, '09:30', 'UTC', start), ValidationFailed, start);
});
