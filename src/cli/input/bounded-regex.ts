import { createContext, Script } from 'node:vm';
import { AppError, messageOf } from '../../core/errors.ts';
import { oneLine } from '../../core/unseen.ts';

/** Longest part of a line that an expression is tried on, in characters. */
const LONGEST_LINE = 100_000;

/** How long an expression may take for the lines of one document. */
const LIMIT_MS = 2_000;

const CALL = new Script('call()');

/** Finds where texts match an expression, letter case aside; `-1`: not at all. */
export type Search = (lines: readonly string[]) => readonly number[];

/**
 * A search by an expression that a person wrote. Some expressions take longer than anyone waits: the engine is stopped
 * after two seconds for one document.
 * @throws AppError `USAGE` for what is not an expression; the search throws one where it takes too long
 */
export function boundedSearch(source: string, option: string, limitMs = LIMIT_MS): Search {
  let expression: RegExp;
  try {
    expression = new RegExp(source, 'i');
  } catch (error) {
    throw new AppError('USAGE', `${option}: ${oneLine(messageOf(error))}`, {
      hint: 'Use a regular expression of JavaScript, or search without the option for the text itself',
    });
  }
  const scope: { call: () => void } = { call: () => undefined };
  const context = createContext(scope);
  return (lines) => {
    let found: readonly number[] = [];
    scope.call = () => {
      found = lines.map((line) => line.slice(0, LONGEST_LINE).search(expression));
    };
    try {
      CALL.runInContext(context, { timeout: limitMs });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      throw new AppError('USAGE', `${option}: ${oneLine(source)} takes too long`, {
        hint: 'Repetitions inside of repetitions, such as (a+)+, take forever: write it without, or search for a text',
      });
    }
    return found;
  };
}
