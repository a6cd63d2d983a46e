import { expect, it } from 'vitest';
import { conflictMarker } from '../../src/core/edited.ts';

it('a mark of a conflict is one where the text before does not have it', () => {
  const quoted = 'a\n>>>>>>> quoted seven times\n';
  expect(conflictMarker(quoted)).toBe(2);
  expect(conflictMarker(`first\n${quoted}`, quoted)).toBeUndefined();
  expect(conflictMarker(`${quoted}||||||| base\n`, quoted)).toBe(3);
});
