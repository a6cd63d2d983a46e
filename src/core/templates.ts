import Mustache from 'mustache';
import { messageOf } from './errors.ts';

/** Fills a Mustache template. `quote` writes a value so that it remains one value in the text around it. */
export function fillTemplate(template: string, view: object, quote: (value: string) => string): string {
  return Mustache.render(template, view, {}, { escape: quote });
}

/** What is wrong with a Mustache template; `undefined` for a valid one. */
export function templateFault(template: string): string | undefined {
  try {
    Mustache.parse(template);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
