import { findType, RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { AppError } from '../../core/errors.ts';
import { nearest } from '../../core/suggest.ts';

/** The type called `name`. @throws AppError `USAGE` with a suggestion */
export function requireType(name: string): ResourceType {
  const type = findType(name.toLowerCase());
  if (type) return type;
  const guess = nearest(
    name,
    RESOURCE_TYPES.map(({ name: typeName }) => typeName),
  );
  throw new AppError('USAGE', `no resource type is called ${name}${guess ? ` (did you mean ${guess}?)` : ''}`, {
    hint: 'celigo-mirror types lists them',
  });
}
