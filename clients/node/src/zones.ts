/** The offsets of IANA time zones, read from what `Intl` shows. */
import { ValidationFailed } from './errors.js';

const formats = new Map<string, Intl.DateTimeFormat>();

/** The IANA zone of that name. Throws ValidationFailed for anything else. */
export function timeZone(name: string): string {
  try {
    if (typeof name !== 'string' || !/^[A-Za-z]/.test(name)) throw new RangeError();
    const found = format(name).resolvedOptions().timeZone;
    // Intl ignores letter case, where the service and other clients do not.
    if (found !== name && found.toLowerCase() === name.toLowerCase()) throw new RangeError();
    return name;
  } catch {
    const shown = String(name).slice(0, 64);
    throw ValidationFailed.of({ field: 'zone', message: `'${shown}' is no time zone; give an IANA name such as Europe/Berlin` });
  }
}

/** What the clocks of `zone` are ahead of UTC at `moment`, in milliseconds. */
export function offsetAt(zone: string, moment: number): number {
  const second = Math.floor(moment / 1000) * 1000;
  const shown: Record<string, number> = {};
  for (const { type, value } of format(zone).formatToParts(second)) shown[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}

function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, found);
  }
  return found;
}
