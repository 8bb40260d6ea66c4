/** Turns a step's template into a function from a contact's fields to text. */
import { ValidationFailed } from './errors.js';

/** A contact's fields become text. Throws for a field that the contact lacks. */
export type Render = (fields: Readonly<Record<string, unknown>>) => string;

/** Makes a Render of a template's source; `escape` where the result is HTML. */
export type Compile = (source: string, options: { escape: boolean }) => Render;

const PLACEHOLDER = /\$(?:(\$)|([_a-z][_a-z0-9]*)|\{([_a-z][_a-z0-9]*)\}|())/gi;
const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' };

/**
 * `$name` and `${name}` stand for a contact's fields, `$$` for a dollar. Throws ValidationFailed for
 * a `$` that is followed by no name.
 *
 * @example
 * dollarTemplates('<p>Dear $name</p>', { escape: true })({ name: 'Ada & Co' }); // <p>Dear Ada &amp; Co</p>
 */
export const dollarTemplates: Compile = (source, { escape }) => {
  if ([...source.matchAll(PLACEHOLDER)].some((found) => found[4] !== undefined)) {
    throw ValidationFailed.of({ field: 'template', message: 'a $ is followed by no name; write $$ for a dollar' });
  }
  return (fields) =>
    source.replace(PLACEHOLDER, (_, dollar: string | undefined, name?: string, braced?: string) => {
      if (dollar) return '$';
      const text = field(fields, (name ?? braced) as string);
      return escape ? text.replace(/[&<>"']/g, (character) => HTML[character] as string) : text;
    });
};

function field(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined || value === null) throw new Error(`the contact has no field '${name}'`);
  return String(value);
}
