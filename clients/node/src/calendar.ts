/**
 * When a campaign's step is due: day numbers and wall-clock times in a zone become instants. Pure.
 *
 * Where clocks change (RFC 5545, 3.3.5): a time that the clocks skip moves forward by what they
 * skip; a time they show twice is the first; a whole day that a zone skipped (Pacific/Apia,
 * 2011-12-30) is skipped like an hour, so its times are those of the next day.
 */
import { ValidationFailed } from './errors.js';
import { offsetAt, timeZone } from './zones.js';

/** The days a message may go out on: 1 (Monday) to 7. */
export type Weekdays = readonly number[];
export const EVERY_DAY: Weekdays = [1, 2, 3, 4, 5, 6, 7];
export const MONDAY_TO_FRIDAY: Weekdays = [1, 2, 3, 4, 5];

const DAY = 86_400_000;
const LAST = Date.UTC(9999, 11, 31);
const WIDEST_OFFSET = 16 * 3_600_000;
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/**
 * The whole milliseconds from `now` until the clocks of `zone` show `sendTime` ("HH:MM" or
 * "HH:MM:SS"), `dayNumber` days after the date that `now` has there. A time that is not after `now`
 * goes to the next day, a day that is not one of `days` to the next that is.
 * Throws ValidationFailed for a day number, time, zone, weekday or instant that is none.
 *
 * @example
 * delayFor(0, '09:30', 'Asia/Tokyo', new Date('2026-05-01T00:00:00Z')); // 1800000
 */
export function delayFor(dayNumber: number, sendTime: string, zone: string, now: Date = new Date(), days: Weekdays = EVERY_DAY): number {
  return sendAt(dayNumber, sendTime, zone, now, days).getTime() - now.getTime();
}

/**
 * The instant when the clocks of `zone` show `at`, `dayNumber` days after `start`: an instant, whose
 * date in `zone` is day 0, or a date ("YYYY-MM-DD"), which is day 0 wherever the zone is.
 * Throws as `delayFor`.
 */
export function sendAt(dayNumber: number, at: string, zone: string, start: Date | string, days: Weekdays = EVERY_DAY): Date {
  if (!Number.isInteger(dayNumber) || dayNumber < 0) {
    throw ValidationFailed.of({ field: 'dayNumber', message: `${dayNumber} is before the start; give 0 or more` });
  }
  const clock = wallClock(at);
  const place = timeZone(zone);
  checkDays(days);
  if (typeof start === 'string') return new Date(instantOf(firstOf(days, dateOf(start) + dayNumber * DAY), clock, place));
  const after = start instanceof Date ? start.getTime() : NaN;
  if (Number.isNaN(after)) throw ValidationFailed.of({ field: 'start', message: 'give a valid Date, or a date as in 2026-03-28' });
  let day = firstOf(days, dateIn(place, after) + dayNumber * DAY);
  let moment = instantOf(day, clock, place);
  while (moment <= after) {
    day = firstOf(days, day + DAY);
    moment = instantOf(day, clock, place);
  }
  return new Date(moment);
}

/** The start of the date that `moment` has in `zone`, as if it were UTC. */
function dateIn(zone: string, moment: number): number {
  const shown = moment + offsetAt(zone, moment);
  return Math.floor(shown / DAY) * DAY;
}

/**
 * The instant when `zone` shows `clock` on `day`. Two offsets may be in question: the one well
 * before and the one well after. The first under which the time is really shown counts; a time that
 * is shown under neither was skipped, and has the offset before, which moves it forward.
 */
function instantOf(day: number, clock: number, zone: string): number {
  const shown = day + clock;
  const before = offsetAt(zone, shown - WIDEST_OFFSET);
  const after = offsetAt(zone, shown + WIDEST_OFFSET);
  if (before === after || offsetAt(zone, shown - before) === before) return shown - before;
  return offsetAt(zone, shown - after) === after ? shown - after : shown - before;
}

function firstOf(days: Weekdays, day: number): number {
  let found = day;
  while (!days.includes(weekday(found))) found += DAY;
  if (!(found <= LAST)) throw ValidationFailed.of({ field: 'dayNumber', message: 'the day is beyond the year 9999' });
  return found;
}

/** 1 for a Monday .. 7; 1970-01-01 was a Thursday. */
function weekday(day: number): number {
  return ((((day / DAY + 3) % 7) + 7) % 7) + 1;
}

function wallClock(at: string): number {
  const [, hours, minutes, seconds = 0] = (CLOCK.exec(String(at)) ?? []).map(Number);
  if (hours === undefined || minutes === undefined || hours > 23 || minutes > 59 || seconds > 59) {
    throw ValidationFailed.of({ field: 'at', message: `'${String(at).slice(0, 64)}' is no time of day; give HH:MM or HH:MM:SS, 00:00 to 23:59:59` });
  }
  return ((hours * 60 + minutes) * 60 + (seconds || 0)) * 1000;
}

function dateOf(text: string): number {
  const day = DATE.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== text) {
    throw ValidationFailed.of({ field: 'start', message: `'${text.slice(0, 64)}' is no date; give one as in 2026-03-28, or a Date` });
  }
  return day;
}

function checkDays(days: Weekdays): void {
  if (!days.length || days.some((day) => !EVERY_DAY.includes(day))) {
    throw ValidationFailed.of({ field: 'days', message: 'name at least one day, 1 (Monday) to 7 (Sunday)' });
  }
}
